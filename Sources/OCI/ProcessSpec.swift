/// The program of a container, or one that is executed in it (config.md, "Process").
package struct ProcessSpec: Equatable, Sendable {
    package struct ConsoleSize: Equatable, Sendable { package var height: UInt16, width: UInt16 }

    package var terminal: Bool
    /// Given only with a terminal, as the specification says that it is ignored otherwise.
    package var consoleSize: ConsoleSize?
    package var user: UserSpec
    /// At least one, the first not empty.
    package var args: [String]
    /// `NAME=value` each.
    package var env: [String]
    /// Absolute.
    package var cwd: String
    /// Nil when the document has none: then no set is changed but by the change of user.
    package var capabilities: CapabilitiesSpec?
    package var rlimits: [RlimitSpec]
    package var noNewPrivileges: Bool
    package var oomScoreAdj: Int?
    /// Of AppArmor.
    package var apparmorProfile: String?
    package var selinuxLabel: String?
    package var ioPriority: IOPrioritySpec?
    package var scheduler: SchedulerSpec?
    package var execCPUAffinity: CPUAffinitySpec?

    /// For exec: the document is the `process` object itself.
    package init(json bytes: [UInt8]) throws(SpecError) {
        self = try SpecError.decode(bytes, as: "process") { document throws(FieldError) in try ProcessSpec(document) }
    }

    package init(document: JSON) throws(SpecError) {
        self = try SpecError.decode(document, as: "process") { document throws(FieldError) in try ProcessSpec(document) }
    }

    init(_ field: JSONField) throws(FieldError) {
        guard field.isPresent else { throw field.invalid("is missing") }
        terminal = try field.member("terminal").optionalBool() ?? false
        let size = try field.member("consoleSize").optional { size throws(FieldError) in
            ConsoleSize(height: try size.member("height").integer(), width: try size.member("width").integer())
        }
        consoleSize = terminal ? size : nil
        user = try UserSpec(field.member("user"))
        args = try field.member("args").strings()
        guard let program = args.first, !program.isEmpty else { throw try field.member("args").invalid("has no program") }
        env = try field.member("env").environment()
        cwd = try field.member("cwd").absolutePath()
        capabilities = try field.member("capabilities").optional { sets throws(FieldError) in try CapabilitiesSpec(sets) }
        rlimits = try RlimitSpec.decodeAll(field.member("rlimits"))
        noNewPrivileges = try field.member("noNewPrivileges").optionalBool() ?? false
        oomScoreAdj = try field.member("oomScoreAdj").optionalInteger(in: -1000...1000)
        apparmorProfile = try field.member("apparmorProfile").plainText()
        selinuxLabel = try field.member("selinuxLabel").plainText()
        ioPriority = try field.member("ioPriority").asked { spec throws(FieldError) in try IOPrioritySpec(spec) }
        scheduler = try field.member("scheduler").asked { spec throws(FieldError) in try SchedulerSpec(spec) }
        execCPUAffinity = try field.member("execCPUAffinity").asked { spec throws(FieldError) in try CPUAffinitySpec(spec) }
    }
}

/// config.md, "User", POSIX.
package struct UserSpec: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    package var umask: UInt32?
    package var additionalGids: [UInt32]

    package init(uid: UInt32, gid: UInt32, umask: UInt32? = nil, additionalGids: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.umask = umask
        self.additionalGids = additionalGids
    }

    init(_ field: JSONField) throws(FieldError) {
        uid = try field.member("uid").optionalID() ?? 0
        gid = try field.member("gid").optionalID() ?? 0
        umask = try field.member("umask").optionalInteger(in: 0...0o777)
        additionalGids = try field.member("additionalGids").list { gid throws(FieldError) in
            guard let number = try gid.optionalID() else { throw gid.invalid("is missing") }
            return number
        }
    }
}

/// The five sets by the names of capabilities(7). A name that the kernel does not know is to be warned of, not refused (config.md).
package struct CapabilitiesSpec: Equatable, Sendable {
    package var bounding: [String]
    package var effective: [String]
    package var inheritable: [String]
    package var permitted: [String]
    package var ambient: [String]

    init(_ field: JSONField) throws(FieldError) {
        bounding = try field.member("bounding").strings()
        effective = try field.member("effective").strings()
        inheritable = try field.member("inheritable").strings()
        permitted = try field.member("permitted").strings()
        ambient = try field.member("ambient").strings()
    }
}

/// config.md, "POSIX process": rlimits. `UInt64.max` is no limit.
package struct RlimitSpec: Equatable, Sendable {
    /// getrlimit(2); the numbers are those of asm-generic/resource.h, which x86_64 and arm64 share.
    package enum Kind: String, Sendable, CaseIterable {
        case cpu = "RLIMIT_CPU"
        case fileSize = "RLIMIT_FSIZE"
        case data = "RLIMIT_DATA"
        case stack = "RLIMIT_STACK"
        case core = "RLIMIT_CORE"
        case residentSet = "RLIMIT_RSS"
        case processes = "RLIMIT_NPROC"
        case openFiles = "RLIMIT_NOFILE"
        case lockedMemory = "RLIMIT_MEMLOCK"
        case addressSpace = "RLIMIT_AS"
        case locks = "RLIMIT_LOCKS"
        case pendingSignals = "RLIMIT_SIGPENDING"
        case messageQueues = "RLIMIT_MSGQUEUE"
        case nice = "RLIMIT_NICE"
        case realtimePriority = "RLIMIT_RTPRIO"
        case realtimeTime = "RLIMIT_RTTIME"

        package var number: Int32 {
            switch self {
            case .cpu: 0
            case .fileSize: 1
            case .data: 2
            case .stack: 3
            case .core: 4
            case .residentSet: 5
            case .processes: 6
            case .openFiles: 7
            case .lockedMemory: 8
            case .addressSpace: 9
            case .locks: 10
            case .pendingSignals: 11
            case .messageQueues: 12
            case .nice: 13
            case .realtimePriority: 14
            case .realtimeTime: 15
            }
        }
    }

    package var kind: Kind
    package var soft: UInt64
    package var hard: UInt64

    init(_ field: JSONField) throws(FieldError) {
        kind = try field.member("type").word()
        soft = try field.member("soft").integer()
        hard = try field.member("hard").integer()
        guard soft <= hard else { throw try field.member("soft").invalid("\(soft) is above the hard limit \(hard)") }
    }

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [RlimitSpec] {
        var result: [RlimitSpec] = []
        for element in try field.elements() {
            let limit = try RlimitSpec(element)
            guard !result.contains(where: { $0.kind == limit.kind }) else {
                throw try element.member("type").invalid("\(limit.kind.rawValue) is there twice")
            }
            result.append(limit)
        }
        return result
    }
}

extension JSONField {
    /// `NAME=value` strings (config.md: the semantics of POSIX `environ`).
    func environment() throws(FieldError) -> [String] {
        let entries = try strings()
        for (number, entry) in entries.enumerated() {
            guard let sign = entry.utf8.firstIndex(of: UInt8(ascii: "=")), sign != entry.utf8.startIndex else {
                throw FieldError("\(path)[\(number)]", "NAME=value expected, found \(entry)")
            }
        }
        return entries
    }
}
