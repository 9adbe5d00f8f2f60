internal import EventLoop
internal import Executor
import Glibc
internal import LinuxSys

/// A logging program that runs beside a process of the container: stdout is its descriptor 3, stderr 4, and on 5 it says that it is ready
/// by a byte or by closing it. Its environment is CONTAINER_ID and CONTAINER_NAMESPACE.
///
/// What it does not read waits in the pipe and holds the container up, as a slow reader of a FIFO does; when it dies the relay notices,
/// and drains on without it.
final class LoggingRun {
    private static let readyDeadline: UInt64 = 10_000_000_000
    /// After the end of both streams.
    private static let patience: UInt64 = 10_000_000_000
    private static let lastPatience: UInt64 = 2_000_000_000

    private let program: LoggingProgram
    private let loop: EventLoop
    private let report: (String) -> Void
    /// What the shim writes to, until the relays have it.
    private var inlets: (stdout: FDBox?, stderr: FDBox?) = (nil, nil)
    private var outlets: [FDBox] = []
    private var process: FDBox?
    private var ready: (fd: FDBox, token: Token)?
    private var timer: TimerToken?
    private var pending: ((String?) -> Void)?
    private var isFinishing = false

    init(_ program: LoggingProgram, loop: EventLoop, report: @escaping (String) -> Void) throws(SysError) {
        self.program = program
        self.loop = loop
        self.report = report
        inlets = (try inlet(), try inlet())
    }

    private func inlet() throws(SysError) -> FDBox {
        let (reader, writer) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
        try writer.fd.setNonBlocking(true)
        outlets.append(reader)
        return writer
    }

    var isRunning: Bool { process != nil }

    /// The ends to relay to; whoever takes them lets them end.
    func takeStdout() -> FDBox? {
        defer { inlets.stdout = nil }
        return inlets.stdout
    }

    func takeStderr() -> FDBox? {
        defer { inlets.stderr = nil }
        return inlets.stderr
    }

    /// Calls back when the program is ready, or with what is wrong.
    func start(identity: (id: String, namespace: String), _ done: @escaping (String?) -> Void) {
        pending = done
        do throws(SysError) {
            let (readyEnd, readyDoor) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
            let (control, theirs) = try FD.recordPair().take { (FDBox($0), FDBox($1)) }
            let side = try cloneProcess()
            switch consume side {
            case .child: Self.become(program, identity, outlets + [readyDoor], control: theirs)
            case .parent(let pid, let pidfd): try follow(FDBox(pidfd), pid: pid, ready: readyEnd, control: control)
            }
            outlets = []
        } catch { answer("\(error)") }
    }

    private func follow(_ pidfd: FDBox, pid: Int32, ready end: FDBox, control: FDBox) throws(SysError) {
        process = pidfd
        // The registration keeps this object until the program has ended.
        let watch = ChildWatch(loop: loop) { [self] status in ended(status) }
        try watch.watch(pidfd, pid: pid)
        try control.fd.setNonBlocking(true)
        let token = try loop.watch(end.raw, for: .read) { [weak self] _ in
            guard let self else { return }
            // Its end without a word: the program was executed.
            let word = (try? control.fd.receive(limit: 4096)).flatMap { $0 }
            answer(word.map { String(decoding: $0.bytes, as: UTF8.self) })
        }
        ready = (end, token)
        timer = loop.after(nanoseconds: Self.readyDeadline) { [weak self] in
            guard let self, pending != nil else { return }
            try? process?.fd.signalProcess(SIGKILL)
            answer("logging program \(program.path): it did not say that it is ready within 10 s")
        }
    }

    private func answer(_ problem: String?) {
        if let ready { loop.cancel(ready.token) }
        ready = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        let done = pending
        pending = nil
        done?(problem)
    }

    private func ended(_ status: ExitStatus) {
        process = nil
        if status != .code(0), pending == nil { report("logging program \(program.path): it ended with status \(status.number)") }
    }

    /// Both streams have ended, and it has been told so by their end. One that stays all the same is ended.
    func finish() {
        inlets = (nil, nil)
        guard isRunning, !isFinishing else { return }
        isFinishing = true
        loop.after(nanoseconds: Self.patience) { [self] in
            guard let process else { return }
            report("logging program \(program.path): it stays 10 s after the end of its input")
            try? process.fd.signalProcess(SIGTERM)
            loop.after(nanoseconds: Self.lastPatience) { [self] in try? self.process?.fd.signalProcess(SIGKILL) }
        }
    }

    func kill() { try? process?.fd.signalProcess(SIGKILL) }

    /// In a clone of the shim.
    private static func become(
        _ program: LoggingProgram, _ identity: (id: String, namespace: String), _ ends: [FDBox], control: FDBox
    ) -> Never {
        do throws(SysError) {
            // Out of the way of the numbers that they get.
            var moved: [FDBox] = []
            for end in ends { moved.append(FDBox(try end.fd.duplicate(from: 10))) }
            let word = FDBox(try control.fd.duplicate(from: 10))
            for (offset, end) in moved.enumerated() { try end.fd.place(at: Int32(3 + offset)) }
            try closeDescriptors(except: [3, 4, 5, word.raw])
            do throws(SysError) {
                // A shim that is killed leaves it the end of its input, and this.
                try ProcessControl.endWithParent(signal: SIGTERM)
                try resetSignals()
                try execute(
                    program.path, [program.path] + program.arguments,
                    ["CONTAINER_ID=\(identity.id)", "CONTAINER_NAMESPACE=\(identity.namespace)"])
            } catch { _ = try? word.fd.send(Array("logging program: \(error)".utf8)) }
        } catch { _ = try? control.fd.send(Array("logging program: \(error)".utf8)) }
        exitNow(127)
    }
}
