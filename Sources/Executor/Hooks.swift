import Glibc
internal import LinuxSys
internal import OCI

/// runtime-spec, config.md "POSIX-platform Hooks": programs that get the container's state on their standard input.
enum Hooks {
    /// Runs every hook of a kind in its order; the first that fails ends it.
    static func run(_ kind: HookKind, _ hooks: HooksSpec, state: ContainerState) throws(ExecutorFailure) {
        for hook in hooks.list(kind) { try run(hook, kind, state) }
    }

    /// Runs every hook of a kind whatever becomes of the others: why each one failed that did.
    static func runAll(_ kind: HookKind, _ hooks: HooksSpec, state: ContainerState) -> [ExecutorFailure] {
        var failures: [ExecutorFailure] = []
        for hook in hooks.list(kind) {
            do { try run(hook, kind, state) } catch { failures.append(error) }
        }
        return failures
    }

    private static func run(_ hook: HookSpec, _ kind: HookKind, _ state: ContainerState) throws(ExecutorFailure) {
        let process = try sys { () throws(SysError) in
            try HelperProcess(hook.path, hook.args.isEmpty ? [hook.path] : hook.args, hook.env, input: state.encoded())
        }
        let status = try sys { () throws(SysError) in try process.wait(seconds: hook.timeout) }
        let reason: String
        switch status {
        case .code(0): return
        case .code(let code): reason = "exit status \(code)"
        case .signal(let signal): reason = "killed by signal \(signal)"
        case nil: reason = "not done after \(hook.timeout ?? 0) s, killed"
        }
        let output = process.output
        throw ExecutorFailure(
            operation: kind.operation, subject: hook.path, reason: output.isEmpty ? reason : "\(reason): \(output)")
    }
}

extension HookKind {
    /// As a failure names it.
    var operation: String { "\(rawValue) hook" }
}

extension HooksSpec {
    func list(_ kind: HookKind) -> [HookSpec] {
        switch kind {
        case .prestart: prestart
        case .createRuntime: createRuntime
        case .createContainer: createContainer
        case .startContainer: startContainer
        case .poststart: poststart
        case .poststop: poststop
        }
    }
}
