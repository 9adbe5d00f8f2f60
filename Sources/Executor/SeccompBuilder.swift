internal import CSeccomp
import Glibc
internal import LinuxSys
internal import OCI

/// Owns a filter of libseccomp while it is put together (seccomp_init(3) and its neighbours).
@safe struct SeccompBuilder: ~Copyable {
    private let context: scmp_filter_ctx
    private let defaultAction: UInt32

    /// What a program answers, until it is replaced, where the next one is to be asked: an action that this document does not ask for.
    static func unusedAction(_ spec: SeccompSpec) -> UInt32 {
        let used = Set(spec.rules.map { action($0.action, $0.errnoRet) } + [action(spec.defaultAction, spec.defaultErrnoRet)])
        // A document has fewer rules than there are numbers for a tracer.
        return (0...0xffff).lazy.map { action(.trace, $0) }.first { !used.contains($0) } ?? action(.trace, 0)
    }

    /// The native one first, then those of the document, each once.
    static func architectures(_ spec: SeccompSpec) throws(SeccompError) -> [UInt32] {
        var result = [seccomp_arch_native()]
        for (number, architecture) in spec.architectures.enumerated() {
            // SCMP_ARCH_X86_64 is x86_64 to the resolver.
            let token = unsafe seccomp_arch_resolve_name(architecture.rawValue.dropFirst("SCMP_ARCH_".utf8.count).lowercased())
            guard token != 0 else {
                throw .unsupported(
                    field: "linux.seccomp.architectures[\(number)]", reason: "libseccomp does not know \(architecture.rawValue)")
            }
            if !result.contains(token) { result.append(token) }
        }
        return result
    }

    /// For one architecture; `otherwise` is the answer for any other, by default to kill.
    static func make(for architecture: UInt32, _ spec: SeccompSpec, otherwise: UInt32?) throws(SeccompError) -> SeccompBuilder {
        let defaultAction = action(spec.defaultAction, spec.defaultErrnoRet)
        guard let context = unsafe seccomp_init(defaultAction) else { throw .build(SysError(ENOMEM, "seccomp_init")) }
        let builder = unsafe SeccompBuilder(context: context, defaultAction: defaultAction)
        try builder.limit(to: architecture, otherwise)
        return builder
    }

    private func limit(to architecture: UInt32, _ otherwise: UInt32?) throws(SeccompError) {
        var result: Int32 = 0
        if architecture != seccomp_arch_native() {
            result = unsafe seccomp_arch_add(context, architecture)
            if result == 0 { result = unsafe seccomp_arch_remove(context, seccomp_arch_native()) }
        }
        if result == 0, let otherwise { result = unsafe seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, otherwise) }
        guard result == 0 else { throw .build(SysError(-result, "choose the architecture of the seccomp filter")) }
    }

    private init(context: scmp_filter_ctx, defaultAction: UInt32) {
        unsafe self.context = unsafe context
        self.defaultAction = defaultAction
    }

    func add(_ spec: SeccompSpec) throws(SeccompError) {
        for (number, rule) in spec.rules.enumerated() { try add(rule, field: "linux.seccomp.syscalls[\(number)]") }
    }

    deinit { unsafe seccomp_release(context) }

    private func add(_ rule: SeccompSpec.Rule, field: String) throws(SeccompError) {
        let action = Self.action(rule.action, rule.errnoRet)
        // libseccomp refuses a rule that says what holds anyway.
        guard action != defaultAction else { return }
        let comparisons = rule.args.map(Self.comparison)
        // One rule of libseccomp compares each argument once. Two conditions on one argument are meant as alternatives,
        // which profiles written for other runtimes rely on.
        let isRepeated = Set(rule.args.map(\.index)).count < rule.args.count
        let alternatives = isRepeated ? comparisons.map { [$0] } : [comparisons]
        for name in rule.names {
            let number = unsafe seccomp_syscall_resolve_name(name)
            guard number != Self.unknownCall else { continue }
            for alternative in alternatives {
                let result = unsafe alternative.withUnsafeBufferPointer {
                    unsafe seccomp_rule_add_array(context, action, number, UInt32($0.count), $0.baseAddress)
                }
                // EDOM: the call does not exist on one of the architectures.
                guard result == 0 || result == -EDOM else {
                    throw .build(SysError(-result, "add \(name) to the seccomp filter", on: field))
                }
            }
        }
    }

    /// Writes the program to a file in memory and reads it back: libseccomp gives it away to descriptors only.
    func export() throws(SeccompError) -> [UInt8] {
        do throws(SysError) {
            let file = try FD.anonymousFile("seccomp")
            let result = unsafe seccomp_export_bpf(context, file.raw)
            guard result == 0 else { throw SysError(-result, "seccomp_export_bpf") }
            try checkErrno("lseek") { lseek(file.raw, 0, SEEK_SET) }
            return try file.readAll(limit: 1 << 20)
        } catch { throw .build(error) }
    }

    /// `__NR_SCMP_ERROR`
    private static let unknownCall: Int32 = -1

    /// The values of seccomp.h, whose macros do not come through to Swift.
    static func action(_ action: SeccompSpec.Action, _ errno: UInt32?) -> UInt32 {
        // EPERM where the document names none (config-linux.md, errnoRet).
        let number = errno ?? UInt32(EPERM)
        switch action {
        case .kill, .killThread: return 0x0000_0000
        case .killProcess: return 0x8000_0000
        case .trap: return 0x0003_0000
        case .errno: return 0x0005_0000 | number & 0xffff
        case .trace: return 0x7ff0_0000 | number & 0xffff
        case .log: return 0x7ffc_0000
        case .allow: return 0x7fff_0000
        case .notify: return 0x7fc0_0000
        }
    }

    private static func comparison(_ argument: SeccompSpec.Argument) -> scmp_arg_cmp {
        let kind: scmp_compare =
            switch argument.comparison {
            case .notEqual: SCMP_CMP_NE
            case .less: SCMP_CMP_LT
            case .lessOrEqual: SCMP_CMP_LE
            case .equal: SCMP_CMP_EQ
            case .greaterOrEqual: SCMP_CMP_GE
            case .greater: SCMP_CMP_GT
            case .maskedEqual: SCMP_CMP_MASKED_EQ
            }
        return scmp_arg_cmp(arg: argument.index, op: kind, datum_a: argument.value, datum_b: argument.valueTwo)
    }
}
