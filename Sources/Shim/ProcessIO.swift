internal import CRILog
internal import EventLoop
internal import Executor
import Glibc
internal import LinuxSys

/// The standard streams of one process: their descriptors, relays and end.
///
/// FIFOs are opened without waiting: for output read-write, so that a reader may come, go and come back (the orchestrator restarts)
/// without the container noticing; for input once for reading and once for writing, so that a writer that leaves is not the end:
/// that is CloseIO.
final class ProcessIO {
    /// Of the pipes that a process gets.
    struct Owner: Equatable { var uid: UInt32, gid: UInt32 }

    let targets: StreamTargets
    private let owner: Owner?
    private let loop: EventLoop
    private let report: (String) -> Void
    private var logs: [LogFile] = []

    /// The container's ends, until the process was cloned.
    private var childEnds: [FDBox] = []
    private var streams: (stdin: Int32?, stdout: Int32?, stderr: Int32?) = (nil, nil, nil)

    private var input: FDBox?
    private var inputKeeper: FDBox?
    private var inputRelay: Relay?
    private var outputs: [Relay] = []
    private var console: FDBox?
    /// Of the terminal; may be asked for before there is one.
    private var size: (rows: UInt16, columns: UInt16) = (0, 0)
    private var onDrained: (() -> Void)?
    private var drainTimer: TimerToken?

    init(_ targets: StreamTargets, owner: Owner? = nil, loop: EventLoop, report: @escaping (String) -> Void) throws(SysError) {
        self.owner = owner
        self.targets = targets
        self.loop = loop
        self.report = report
        if case .fifo(let path) = targets.stdin {
            // With a reader of our own in place, opening for writing does not fail for want of one (fifo(7)).
            input = FDBox(try Self.openFIFO(path, O_RDONLY))
            inputKeeper = FDBox(try Self.openFIFO(path, O_WRONLY))
        }
        guard !targets.terminal else { return }
        try connectPipes()
    }

    private static func openFIFO(_ path: String, _ mode: Int32) throws(SysError) -> FD {
        let fd = try FD.open(path, mode | O_NONBLOCK | O_NOCTTY)
        guard try fd.fileType() == S_IFIFO else { throw SysError(EINVAL, "open FIFO", on: path) }
        return fd
    }

    /// What the executor gives to the process.
    var processStreams: ProcessStreams {
        targets.terminal
            ? .terminal(rows: size.rows, columns: size.columns)
            : .descriptors(stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr)
    }

    private func connectPipes() throws(SysError) {
        if let input {
            let (reader, writer) = try pipe()
            try writer.fd.setNonBlocking(true)
            childEnds.append(reader)
            streams.stdin = reader.raw
            inputRelay = try relayInput(from: input, to: writer)
        }
        streams.stdout = try connectOutput(targets.stdout, .stdout)
        streams.stderr = try connectOutput(targets.stderr, .stderr)
    }

    private func pipe() throws(SysError) -> (FDBox, FDBox) {
        let (reader, writer) = try FD.pipe().take { first, second in (FDBox(first), FDBox(second)) }
        // Both ends are one inode.
        if let owner { try writer.fd.setOwner(uid: owner.uid, gid: owner.gid, name: "pipe") }
        return (reader, writer)
    }

    private func connectOutput(_ target: StreamTarget, _ stream: LogStream) throws(SysError) -> Int32? {
        guard let sink = try sink(target, stream) else { return nil }
        let (reader, writer) = try pipe()
        try reader.fd.setNonBlocking(true)
        childEnds.append(writer)
        try relayOutput(from: reader, to: sink)
        return writer.raw
    }

    private func sink(_ target: StreamTarget, _ stream: LogStream) throws(SysError) -> Relay.Sink? {
        switch target {
        case .none: nil
        case .fifo(let path): .descriptor(FDBox(try Self.openFIFO(path, O_RDWR)))
        case .criFile(let path): .log(try log(path, .cri), stream)
        case .rawFile(let path): .log(try log(path, .raw), stream)
        }
    }

    /// Both streams may name one file: then it is one.
    private func log(_ path: String, _ format: LogFile.Format) throws(SysError) -> LogFile {
        if let known = logs.first(where: { $0.path == path && $0.format == format }) { return known }
        let file = try LogFile(path: path, format: format, report: report)
        logs.append(file)
        return file
    }

    private func relayOutput(from source: FDBox, to sink: Relay.Sink) throws(SysError) {
        outputs.append(
            try Relay(loop: loop, from: source, to: sink, endsWithSink: false) { [weak self] in self?.checkDrained() })
    }

    private func relayInput(from source: FDBox, to sink: FDBox) throws(SysError) -> Relay {
        try Relay(loop: loop, from: source, to: .descriptor(sink), endsWithSink: true) { [weak self] in
            self?.input = nil
            self?.inputKeeper = nil
        }
    }

    /// The process has its own copies now.
    func launched() { childEnds = [] }

    /// The pty of a process with a terminal.
    func attach(console master: FDBox) throws(SysError) {
        try master.fd.setNonBlocking(true)
        console = master
        if size.rows > 0 { try master.fd.setWindowSize(rows: size.rows, columns: size.columns) }
        if let sink = try sink(targets.stdout, .stdout) {
            try relayOutput(from: FDBox(try master.fd.duplicate()), to: sink)
        } else {
            // Nobody wants the output, and a pty that nobody reads from blocks its writers.
            try relayOutput(from: FDBox(try master.fd.duplicate()), to: .descriptor(FDBox(try FD.open("/dev/null", O_WRONLY))))
        }
        if let input { inputRelay = try relayInput(from: input, to: FDBox(try master.fd.duplicate())) }
    }

    func resize(rows: UInt16, columns: UInt16) throws(TaskError) {
        // Without a terminal there is nothing to be done, as containerd's shim has it.
        guard targets.terminal else { return }
        size = (rows, columns)
        guard let console else { return }
        do throws(SysError) { try console.fd.setWindowSize(rows: rows, columns: columns) } catch { throw .kernel(error) }
    }

    /// Stdin ends when the other writers have gone too and what they wrote is through. May come at any time, any number of times.
    func closeInput() { inputKeeper = nil }

    func reopenLogs() { for file in logs { file.reopen() } }

    /// True when all output has been passed on (or there is none).
    var isDrained: Bool { outputs.allSatisfy(\.isFinished) }

    /// Calls `done` when all that the process wrote has been passed on. Something else may keep the pipe open (a background child)
    /// and a reader may be slow: that is waited for a bounded time only.
    func drain(_ done: @escaping () -> Void) {
        inputRelay?.stop()
        inputRelay = nil
        onDrained = done
        checkDrained()
        if onDrained != nil { pollDrain(until: monotonicNanoseconds() + Self.longestDrain) }
    }

    private static let drainStep: UInt64 = 100_000_000
    private static let idleGrace = 5
    private static let longestDrain: UInt64 = 10_000_000_000

    /// Ends the drain when nothing has been on its way at `idleGrace` looks in a row, or at `deadline`.
    private func pollDrain(until deadline: UInt64, idle: Int = 0) {
        drainTimer = loop.after(nanoseconds: Self.drainStep) { [weak self] in
            guard let self, onDrained != nil else { return }
            let quiet = outputs.allSatisfy(\.isIdle) ? idle + 1 : 0
            if quiet >= Self.idleGrace || monotonicNanoseconds() >= deadline {
                close()
            } else {
                pollDrain(until: deadline, idle: quiet)
            }
        }
    }

    private func checkDrained() {
        guard isDrained, let done = onDrained else { return }
        onDrained = nil
        if let drainTimer { loop.cancel(drainTimer) }
        console = nil
        logs = []
        done()
    }

    /// Ends every stream at once.
    func close() {
        inputRelay?.stop()
        inputRelay = nil
        input = nil
        inputKeeper = nil
        childEnds = []
        for relay in outputs { relay.stop() }
        checkDrained()
        console = nil
        logs = []
    }
}
