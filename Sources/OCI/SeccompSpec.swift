/// The filter of system calls (config-linux.md, "Seccomp"), by the names of libseccomp; numbers come where it is loaded.
package struct SeccompSpec: Equatable, Sendable {
    package enum Action: String, Sendable, CaseIterable {
        case kill = "SCMP_ACT_KILL"
        case killThread = "SCMP_ACT_KILL_THREAD"
        case killProcess = "SCMP_ACT_KILL_PROCESS"
        case trap = "SCMP_ACT_TRAP"
        case errno = "SCMP_ACT_ERRNO"
        case trace = "SCMP_ACT_TRACE"
        case allow = "SCMP_ACT_ALLOW"
        case log = "SCMP_ACT_LOG"
        case notify = "SCMP_ACT_NOTIFY"
    }

    package enum Architecture: String, Sendable, CaseIterable {
        case x86 = "SCMP_ARCH_X86"
        case x8664 = "SCMP_ARCH_X86_64"
        case x32 = "SCMP_ARCH_X32"
        case arm = "SCMP_ARCH_ARM"
        case aarch64 = "SCMP_ARCH_AARCH64"
        case loongarch64 = "SCMP_ARCH_LOONGARCH64"
        case m68k = "SCMP_ARCH_M68K"
        case mips = "SCMP_ARCH_MIPS"
        case mips64 = "SCMP_ARCH_MIPS64"
        case mips64n32 = "SCMP_ARCH_MIPS64N32"
        case mipsel = "SCMP_ARCH_MIPSEL"
        case mipsel64 = "SCMP_ARCH_MIPSEL64"
        case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
        case parisc = "SCMP_ARCH_PARISC"
        case parisc64 = "SCMP_ARCH_PARISC64"
        case ppc = "SCMP_ARCH_PPC"
        case ppc64 = "SCMP_ARCH_PPC64"
        case ppc64le = "SCMP_ARCH_PPC64LE"
        case riscv64 = "SCMP_ARCH_RISCV64"
        case s390 = "SCMP_ARCH_S390"
        case s390x = "SCMP_ARCH_S390X"
        case sh = "SCMP_ARCH_SH"
        case sheb = "SCMP_ARCH_SHEB"
    }

    package enum Flag: String, Sendable, CaseIterable {
        case threadSync = "SECCOMP_FILTER_FLAG_TSYNC"
        case log = "SECCOMP_FILTER_FLAG_LOG"
        case allowSpeculation = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
        case waitKillable = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    }

    package enum Operator: String, Sendable, CaseIterable {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    package struct Argument: Equatable, Sendable {
        /// 0 … 5.
        package var index: UInt32
        package var comparison: Operator
        package var value: UInt64
        /// With `maskedEqual`, what the masked argument is compared with.
        package var valueTwo: UInt64
    }

    package struct Rule: Equatable, Sendable {
        package var names: [String]
        package var action: Action
        package var errnoRet: UInt32?
        package var args: [Argument]
    }

    package var defaultAction: Action
    package var defaultErrnoRet: UInt32?
    /// Empty: the native one.
    package var architectures: [Architecture]
    package var flags: [Flag]
    package var rules: [Rule]
    /// Absolute path of the Unix socket to which the listener of `SCMP_ACT_NOTIFY` goes.
    package var listenerPath: String?
    /// Passed on with it.
    package var listenerMetadata: String?

    /// Whether an agent outside is to decide on any call.
    package var notifies: Bool { defaultAction == .notify || rules.contains { $0.action == .notify } }
}

extension SeccompSpec {
    init(_ field: JSONField) throws(FieldError) {
        defaultAction = try field.member("defaultAction").word()
        defaultErrnoRet = try Self.errno(field.member("defaultErrnoRet"), defaultAction)
        architectures = try field.member("architectures").list { name throws(FieldError) in try name.word() }
        flags = try field.member("flags").list { name throws(FieldError) in try name.word() }
        rules = try field.member("syscalls").list { rule throws(FieldError) in try Rule(rule) }
        let listener = try field.member("listenerPath")
        listenerPath = try listener.optionalText() == nil ? nil : try listener.absolutePath()
        let metadata = try field.member("listenerMetadata")
        listenerMetadata = try metadata.optionalText()
        if listenerMetadata != nil, listenerPath == nil { throw metadata.invalid("needs a listenerPath") }
        if notifies, listenerPath == nil { throw listener.invalid("is missing for SCMP_ACT_NOTIFY") }
        if let place = flags.firstIndex(of: .waitKillable), !notifies {
            throw FieldError("\(field.path).flags[\(place)]", "\(Flag.waitKillable.rawValue) needs SCMP_ACT_NOTIFY")
        }
    }

    /// config-linux.md: an action that returns no errno with one is an error. Sixteen bits reach the kernel; 4095 is the largest errno it returns.
    fileprivate static func errno(_ field: JSONField, _ action: Action) throws(FieldError) -> UInt32? {
        switch action {
        case .errno: return try field.optionalInteger(in: 0...4095)
        case .trace: return try field.optionalInteger(in: 0...65_535)
        case .kill, .killThread, .killProcess, .trap, .allow, .log, .notify:
            // Zero is what an encoder writes that has no notion of absence.
            guard try field.optionalInteger(UInt32.self) ?? 0 == 0 else { throw field.invalid("\(action.rawValue) returns no errno") }
            return nil
        }
    }
}

extension SeccompSpec.Rule {
    fileprivate init(_ field: JSONField) throws(FieldError) {
        let nameField = try field.member("names")
        names = try nameField.strings()
        guard !names.isEmpty, !names.contains("") else { throw nameField.invalid("a name of a system call is missing") }
        action = try field.member("action").word()
        errnoRet = try SeccompSpec.errno(field.member("errnoRet"), action)
        args = try field.member("args").list { argument throws(FieldError) in try SeccompSpec.Argument(argument) }
    }
}

extension SeccompSpec.Argument {
    fileprivate init(_ field: JSONField) throws(FieldError) {
        let place = try field.member("index")
        guard let number: UInt32 = try place.optionalInteger(in: 0...5) else { throw place.invalid("is missing") }
        index = number
        value = try field.member("value").integer()
        valueTwo = try field.member("valueTwo").optionalInteger() ?? 0
        comparison = try field.member("op").word()
    }
}
