internal import LinuxSys

/// A container's scope: `slice:prefix:name` of config.json's cgroupsPath as systemd names things (systemd.slice(5), systemd.scope(5)).
struct SystemdUnit: Equatable, Sendable {
    /// `swiftlet-ID.scope`
    var name: String
    /// `system.slice`, `kubepods-besteffort.slice`
    var slice: String

    /// An absent path is `:swiftlet:ID`, an empty slice the manager's usual one.
    init(cgroupsPath: String?, id: String, scope: SystemdManager.Scope) throws(CgroupError) {
        let text = cgroupsPath ?? ":swiftlet:\(id)"
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[2].isEmpty else { throw Self.wrong("slice:prefix:name expected with systemd, found \(text)") }
        guard !parts[2].hasSuffix(".slice") else { throw Self.wrong("\(parts[2]) is a slice, which holds no processes") }
        slice = parts[0].isEmpty ? (scope == .system ? "system.slice" : "user.slice") : parts[0]
        name = "\(parts[1])-\(parts[2]).scope"
        _ = try Self.expand(slice: slice)
        for part in [slice, name] where !Self.isUnitName(part) { throw Self.wrong("\(part) is no name of a unit") }
    }

    /// systemd.unit(5): letters, digits and `:-_.\@`, at most 255.
    static func isUnitName(_ name: String) -> Bool {
        name.utf8.count <= 255 && !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: ":-_.\\@".utf8.contains(byte)
                }
            }
    }

    /// `a-b.slice` is the child `/a.slice/a-b.slice` of `a.slice`; `-.slice` is the root.
    static func expand(slice: String) throws(CgroupError) -> String {
        guard slice.hasSuffix(".slice"), slice.utf8.count > 6, !slice.contains("/") else { throw wrong("\(slice) is no slice") }
        let stem = slice.dropLast(6)
        if stem == "-" { return "/" }
        let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard !parts.contains(where: \.isEmpty) else { throw wrong("\(slice) is no slice") }
        return parts.indices.reduce("") { path, last in "\(path)/\(parts[...last].joined(separator: "-")).slice" }
    }

    private static func wrong(_ reason: String) -> CgroupError { .unsupported(field: "linux.cgroupsPath", reason: reason) }
}

extension SystemdManager.Scope {
    /// Root of the host speaks to the host's manager. Anyone else, root of a user namespace too, has a manager of one's own.
    static var own: SystemdManager.Scope { isRootOfTheHost() ? .system : .user }
}
