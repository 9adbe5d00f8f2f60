/// How far a clock of a new time namespace is off the host's (config-linux.md, "Offset for Time Namespace").
package struct TimeOffset: Equatable, Sendable {
    /// The names that /proc/PID/timens_offsets takes (time_namespaces(7)).
    package enum Clock: String, Sendable, CaseIterable { case monotonic, boottime }

    package var clock: Clock
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(clock: Clock, seconds: Int64, nanoseconds: UInt32) {
        self.clock = clock
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [TimeOffset] {
        var result: [TimeOffset] = []
        for (name, member) in try field.members() {
            guard let clock = Clock(rawValue: name) else { throw member.invalid("unknown clock, monotonic and boottime have offsets") }
            result.append(
                TimeOffset(
                    clock: clock, seconds: try member.member("secs").optionalInteger() ?? 0,
                    nanoseconds: try member.member("nanosecs").optionalInteger(in: 0...999_999_999) ?? 0))
        }
        return result
    }
}

/// A network device of the host that moves into the container (config-linux.md, "Network Devices").
package struct NetDeviceSpec: Equatable, Sendable {
    package var hostName: String
    /// In the container; may end in `%d`, for which the kernel finds a number.
    package var name: String

    package init(hostName: String, name: String) {
        self.hostName = hostName
        self.name = name
    }

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [NetDeviceSpec] {
        var result: [NetDeviceSpec] = []
        for (hostName, member) in try field.members() {
            try check(hostName, member)
            let renamed = try member.member("name")
            let name = try renamed.optionalText() ?? hostName
            try check(name, renamed)
            guard !result.contains(where: { $0.name == name && !name.contains("%") }) else {
                throw renamed.invalid("\(name) is the name of another device")
            }
            result.append(NetDeviceSpec(hostName: hostName, name: name))
        }
        return result
    }

    /// What the kernel takes for a name (dev_valid_name): at most 15 bytes, no slash, colon or space.
    private static func check(_ name: String, _ field: JSONField) throws(FieldError) {
        let isPlain = !name.utf8.contains { $0 <= 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") }
        guard isPlain, !name.isEmpty, name.utf8.count < 16, name != ".", name != ".." else {
            throw field.invalid("`\(name)` cannot be the name of a network device")
        }
    }
}
