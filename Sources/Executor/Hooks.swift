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
        let process = try sys { () throws(SysError) in try HookProcess(hook, input: state.encoded()) }
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

/// One hook that runs, in a session of its own. Its input and its output are files in memory, so that no pipe can fill or stay open.
private struct HookProcess {
    private let pid: Int32
    private let pidfd: FDBox
    private let said: FDBox

    init(_ hook: HookSpec, input: [UInt8]) throws(SysError) {
        let state = try FD.memory("state")
        try state.writeAll(input)
        try checkErrno("lseek") { lseek(state.raw, 0, SEEK_SET) }
        said = FDBox(try FD.memory("output"))
        let side = try cloneProcess()
        switch consume side {
        case .child:
            do {
                try startSession()
                try state.place(at: 0)
                try said.fd.place(at: 1)
                try said.fd.place(at: 2)
                try markCloseOnExec(from: 3)
                try resetSignals()
                // Of a runtime that is killed no hook goes on.
                try ProcessControl.endWithParent()
                try execute(hook.path, hook.args.isEmpty ? [hook.path] : hook.args, hook.env)
            } catch {
                _ = try? said.fd.writeAll(Array(error.reason.utf8))
                exitNow(127)
            }
        case .parent(let pid, let pidfd): (self.pid, self.pidfd) = (pid, FDBox(pidfd))
        }
    }

    /// Nil when the time is over; the process is killed then, with what it started, and reaped.
    func wait(seconds: Int64?) throws(SysError) -> ExitStatus? {
        let deadline = seconds.map { monotonicNanoseconds() + UInt64($0) * 1_000_000_000 }
        while true {
            var pause: Int32 = -1
            if let deadline {
                let now = monotonicNanoseconds()
                if now >= deadline { break }
                pause = Int32(min((deadline - now) / 1_000_000 + 1, 60_000))
            }
            if try pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: pause)[0] != 0 { return try pidfd.fd.reap(blocking: true) }
        }
        try pidfd.fd.signalProcess(SIGKILL)
        // Its number is its group's, and belongs to it until it is reaped.
        _ = kill(-pid, SIGKILL)
        _ = try pidfd.fd.reap(blocking: true)
        return nil
    }

    /// The last of what it wrote, on one line.
    var output: String {
        let size = lseek(said.raw, 0, SEEK_END)
        _ = lseek(said.raw, max(0, size - 512), SEEK_SET)
        let bytes = (try? said.fd.readAll(limit: 4096)) ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.joined(separator: "; ")
    }
}
