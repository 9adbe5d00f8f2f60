/// The limits of a container's cgroup (config-linux.md, "Control groups"). Nil leaves the kernel's value alone.
package struct ResourcesSpec: Equatable, Sendable {
    package var memory: MemorySpec?
    package var cpu: CPUSpec?
    package var pids: PidsSpec?
    /// In order; a later rule wins.
    package var devices: [DeviceRule]
    package var hugepageLimits: [HugepageLimit]
    package var blockIO: BlockIOSpec?
    package var network: NetworkSpec?
    package var rdma: [RdmaLimit]
    /// Files of a v2 cgroup with what is written to them, in the document's order.
    package var unified: [UnifiedEntry]

    package init() {
        devices = []
        hugepageLimits = []
        rdma = []
        unified = []
    }

    /// For update: the document is the `resources` object itself.
    package init(json bytes: [UInt8]) throws(SpecError) {
        self = try SpecError.decode(bytes, as: "resources") { document throws(FieldError) in try ResourcesSpec(document) }
    }

    init(_ field: JSONField) throws(FieldError) {
        memory = try field.member("memory").optional { memory throws(FieldError) in try MemorySpec(memory) }
        cpu = try field.member("cpu").optional { cpu throws(FieldError) in try CPUSpec(cpu) }
        pids = try field.member("pids").optional { pids throws(FieldError) in try PidsSpec(pids) }
        devices = try field.member("devices").list { rule throws(FieldError) in try DeviceRule(rule) }
        hugepageLimits = try field.member("hugepageLimits").list { limit throws(FieldError) in try HugepageLimit(limit) }
        blockIO = try field.member("blockIO").optional { block throws(FieldError) in try BlockIOSpec(block) }
        rdma = try RdmaLimit.decodeAll(field.member("rdma"))
        unified = try UnifiedEntry.decodeAll(field.member("unified"))
        network = try field.member("network").optional { network throws(FieldError) in try NetworkSpec(network) }
    }
}

/// Bytes each; -1 is no limit.
package struct MemorySpec: Equatable, Sendable {
    package var limit: Int64?
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    /// The limit of kernel memory alone, which kernels since 5.16 refuse (config-linux.md: NOT RECOMMENDED).
    package var kernel: Int64?
    package var kernelTCP: Int64?
    /// 0 … 100
    package var swappiness: UInt64?
    package var disableOOMKiller: Bool
    /// Refuse a new limit below what is in use.
    package var checkBeforeUpdate: Bool

    package init() {
        disableOOMKiller = false
        checkBeforeUpdate = false
    }

    init(_ field: JSONField) throws(FieldError) {
        limit = try field.member("limit").optionalLimit()
        reservation = try field.member("reservation").optionalLimit()
        let swapField = try field.member("swap")
        swap = try swapField.optionalLimit()
        kernel = try field.member("kernel").optionalLimit()
        kernelTCP = try field.member("kernelTCP").optionalLimit()
        swappiness = try field.member("swappiness").optionalInteger(in: 0...100)
        disableOOMKiller = try field.member("disableOOMKiller").optionalBool() ?? false
        checkBeforeUpdate = try field.member("checkBeforeUpdate").optionalBool() ?? false
        // Always so: groups below the container's are under its limits, whatever is asked (kernels since 5.11 know nothing else).
        _ = try field.member("useHierarchy").optionalBool()
        if let limit, let swap, swap > 0, limit > swap {
            throw swapField.invalid("memory and swap together, \(swap), is below the memory limit \(limit)")
        }
    }
}

package struct CPUSpec: Equatable, Sendable {
    package var shares: UInt64?
    /// Microseconds per period; negative is no limit.
    package var quota: Int64?
    package var burst: UInt64?
    package var period: UInt64?
    package var realtimeRuntime: Int64?
    package var realtimePeriod: UInt64?
    /// Lists as of cpuset(7): `0-3,7`.
    package var cpus: String?
    package var mems: String?
    /// 1 makes the group SCHED_IDLE.
    package var idle: Int64?

    package init() {}

    init(_ field: JSONField) throws(FieldError) {
        shares = try field.member("shares").optionalInteger()
        quota = try field.member("quota").optionalInteger()
        burst = try field.member("burst").optionalInteger()
        period = try field.member("period").optionalInteger()
        realtimeRuntime = try field.member("realtimeRuntime").optionalInteger()
        realtimePeriod = try field.member("realtimePeriod").optionalInteger()
        cpus = try field.member("cpus").optionalRangeList()
        mems = try field.member("mems").optionalRangeList()
        idle = try field.member("idle").optionalInteger(in: 0...1)
        if let burst, let quota, quota > 0, burst > quota {
            throw try field.member("burst").invalid("\(burst) is above the quota \(quota)")
        }
    }
}

package struct PidsSpec: Equatable, Sendable {
    /// Less than zero is no limit.
    package var limit: Int64?

    package init(limit: Int64?) { self.limit = limit }

    init(_ field: JSONField) throws(FieldError) { limit = try field.member("limit").optionalInteger() }
}

/// config-linux.md, "Allowed Device list".
package struct DeviceRule: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case all = "a"
        case character = "c"
        case block = "b"
    }

    package var allow: Bool
    package var kind: Kind
    /// Nil is every number.
    package var major: UInt32?
    package var minor: UInt32?
    /// Of the letters r, w and m.
    package var access: String

    package init(allow: Bool, kind: Kind, major: UInt32?, minor: UInt32?, access: String) {
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    init(_ field: JSONField) throws(FieldError) {
        guard let allow = try field.member("allow").optionalBool() else { throw try field.member("allow").invalid("is missing") }
        self.allow = allow
        kind = try field.member("type").optionalWord() ?? .all
        major = try Self.number(field.member("major"))
        minor = try Self.number(field.member("minor"))
        let letters = try field.member("access")
        access = try letters.optionalText() ?? "rwm"
        guard access.utf8.allSatisfy("rwm".utf8.contains) else {
            throw letters.invalid("of the letters r, w and m expected, found \(access)")
        }
    }

    private static func number(_ field: JSONField) throws(FieldError) -> UInt32? {
        guard let number = try field.optionalInteger(Int64.self), number != -1 else { return nil }
        guard let result = UInt32(exactly: number) else { throw field.invalid("is outside -1 … \(UInt32.max)") }
        return result
    }
}

package struct HugepageLimit: Equatable, Sendable {
    /// `2MB`, `1GB`, as the kernel names its files.
    package var pageSize: String
    package var limit: UInt64

    init(_ field: JSONField) throws(FieldError) {
        let size = try field.member("pageSize")
        pageSize = try size.text()
        let digits = pageSize.utf8.dropLast(2)
        let unit = String(decoding: pageSize.utf8.suffix(2), as: UTF8.self)
        let isNumber = !digits.isEmpty && digits.first != UInt8(ascii: "0") && digits.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, ["KB", "MB", "GB"].contains(unit) else { throw size.invalid("a size like 2MB or 1GB expected, found \(pageSize)") }
        limit = try field.member("limit").integer()
    }
}

/// config-linux.md, "Network".
package struct NetworkSpec: Equatable, Sendable {
    package struct Priority: Equatable, Sendable {
        /// Of an interface in the runtime's network namespace.
        package var name: String
        package var priority: UInt32
    }

    package var classID: UInt32?
    package var priorities: [Priority]

    init(_ field: JSONField) throws(FieldError) {
        classID = try field.member("classID").optionalInteger()
        priorities = try field.member("priorities").list { entry throws(FieldError) in
            let place = try entry.member("name")
            let name = try place.text()
            // netdevice(7): shorter than 16 bytes. A space would end it in the kernel's file.
            guard name.isFileName, !name.utf8.contains(0x20), name.utf8.count < 16 else {
                throw place.invalid("is no name of an interface")
            }
            return Priority(name: name, priority: try entry.member("priority").integer())
        }
    }
}

/// One device of the rdma controller; nil is no limit.
package struct RdmaLimit: Equatable, Sendable {
    package var device: String
    package var handles: UInt32?
    package var objects: UInt32?

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [RdmaLimit] {
        var result: [RdmaLimit] = []
        for (name, limit) in try field.members() {
            guard name.isFileName, !name.utf8.contains(0x20) else { throw limit.invalid("is no name of a device") }
            let handles: UInt32? = try limit.member("hcaHandles").optionalInteger()
            let objects: UInt32? = try limit.member("hcaObjects").optionalInteger()
            guard handles != nil || objects != nil else { throw limit.invalid("hcaHandles or hcaObjects expected") }
            result.append(RdmaLimit(device: name, handles: handles, objects: objects))
        }
        return result
    }
}

package struct UnifiedEntry: Equatable, Sendable {
    package var file: String
    package var value: String

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [UnifiedEntry] {
        var result: [UnifiedEntry] = []
        for (name, value) in try field.members() {
            // `cgroup.` files are the runtime's own: writing cgroup.procs or cgroup.kill here would undo what it does.
            guard name.isFileName, name.utf8.contains(UInt8(ascii: ".")), !name.hasPrefix("cgroup.") else {
                throw value.invalid("is no file of a controller")
            }
            result.append(UnifiedEntry(file: name, value: try value.string()))
        }
        return result
    }
}

extension String {
    /// One component of a path, in printable characters.
    var isFileName: Bool {
        !isEmpty && self != "." && self != ".." && utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }
}

extension JSONField {
    /// Bytes, or -1.
    fileprivate func optionalLimit() throws(FieldError) -> Int64? { try optionalInteger(in: -1...Int64.max) }

    fileprivate func optionalRangeList() throws(FieldError) -> String? {
        guard let list = try optionalText() else { return nil }
        guard list.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "-") }) else {
            throw invalid("a list like 0-3,7 expected, found \(list)")
        }
        return list
    }
}
