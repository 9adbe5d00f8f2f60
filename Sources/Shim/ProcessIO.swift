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
    private let identity: (id: String, namespace: String)
    private let logs: LogWriter
    private var program: LoggingRun?

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

    init(
        _ targets: StreamTargets, owner: Owner? = nil, of identity: (id: String, namespace: String), loop: EventLoop,
        report: @escaping (String) -> Void
    ) throws(SysError) {
        self.owner = owner
        self.targets = targets
        self.loop = loop
        self.report = report
        self.identity = identity
        logs = LogWriter(loop: loop, report: report)
        logs.onEnd = { [weak self] in self?.checkDrained() }
        if case .program(let wanted) = targets.stdout { program = try LoggingRun(wanted, loop: loop, report: report) }
        if case .fifo(let path) = targets.stdin {
            // With a reader of our own in place, opening for writing does not fail for want of one (fifo(7)).
            input = FDBox(try Self.openFIFO(path, O_RDONLY))
            inputKeeper = FDBox(try Self.openFIFO(path, O_WRONLY))
        }
        guard !targets.terminal else {
            if let file = Self.file(targets.stdout) { _ = logs.place(of: file) }
            return
        }
        try connectPipes()
    }

    /// Before the process is made: log files are opened and a logging program is started, by processes that may take their time over it.
    /// Calls back at once when there is nothing of the kind, otherwise later; with what is wrong, if something is.
    func prepare(_ done: @escaping (TaskError?) -> Void) {
        let identity = identity
        if let program {
            return program.start(identity: identity) { problem in done(problem.map { .invalid("stdio of \(identity.id)", $0) }) }
        }
        logs.open { problem in done(problem.map { .invalid("stdio of \(identity.id)", $0) }) }
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
        guard isWanted(target, stream) else { return nil }
        let (reader, writer) = try pipe()
        try reader.fd.setNonBlocking(true)
        childEnds.append(writer)
        try direct(reader, to: target, stream)
        return writer.raw
    }

    private func isWanted(_ target: StreamTarget, _ stream: LogStream) -> Bool {
        // A program that stdout names takes stderr as well.
        if stream == .stderr, target == .none { return program != nil }
        return target != .none
    }

    /// What comes from `source` goes where it is wanted.
    private func direct(_ source: FDBox, to target: StreamTarget, _ stream: LogStream) throws(SysError) {
        if let file = Self.file(target) { return logs.add(source, stream, file: logs.place(of: file)) }
        if let program {
            guard let inlet = stream == .stdout ? program.takeStdout() : program.takeStderr() else { return }
            return try relayOutput(from: source, to: .descriptor(inlet))
        }
        switch target {
        case .fifo(let path): try relayOutput(from: source, to: .descriptor(FDBox(try Self.openFIFO(path, O_RDWR))))
        // Nobody wants the output, and a pty that nobody reads from blocks its writers.
        default: try relayOutput(from: source, to: .descriptor(FDBox(try FD.open("/dev/null", O_WRONLY))))
        }
    }

    private static func file(_ target: StreamTarget) -> LogCopier.Target? {
        switch target {
        case .criFile(let path): .init(path: path, format: .cri)
        case .attachedFile(let path, let directory): .init(path: path ?? directory, format: path == nil ? .none : .cri, attached: directory)
        case .rawFile(let path): .init(path: path, format: .raw)
        case .none, .fifo, .program: nil
        }
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
        try direct(FDBox(try master.fd.duplicate()), to: targets.stdout, .stdout)
        // A terminal has one stream.
        _ = program?.takeStderr()
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

    /// Calls back when every log file was opened again, or with what is wrong.
    func reopenLogs(_ done: @escaping (String?) -> Void) { logs.open(done) }

    var hasRunningProgram: Bool { program?.isRunning == true }
    func killProgram() { program?.kill() }

    /// True when all output has been passed on (or there is none).
    var isDrained: Bool { outputs.allSatisfy(\.isFinished) && (!logs.isUsed || logs.isFinished) }

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
            let quiet = outputs.allSatisfy(\.isIdle) && logs.isIdle ? idle + 1 : 0
            if quiet >= Self.idleGrace || monotonicNanoseconds() >= deadline {
                endDrain()
            } else {
                pollDrain(until: deadline, idle: quiet)
            }
        }
    }

    /// A writer of logs has what it has read still to write, for which the disk gets a bounded time.
    private func endDrain() {
        close()
        guard onDrained != nil else { return }
        drainTimer = loop.after(nanoseconds: Self.longestDrain) { [weak self] in
            guard let self, onDrained != nil else { return }
            report("stdio of \(identity.id): the disk takes no more of the log; the writer is left to itself")
            tellDrained()
        }
    }

    private func checkDrained() {
        guard isDrained else { return }
        program?.finish()
        guard onDrained != nil else { return }
        console = nil
        tellDrained()
    }

    private func tellDrained() {
        guard let done = onDrained else { return }
        onDrained = nil
        if let drainTimer { loop.cancel(drainTimer) }
        done()
    }

    private static let longestTaking: UInt64 = 500_000_000
    private static let takingStep: UInt64 = 1_000_000

    /// Calls `done` when nothing is on its way and readers have taken what is in their FIFOs, or soon all the same: a client may close them
    /// as soon as it knows of the end, whatever is in them (ctr does).
    func whenTaken(_ done: @escaping () -> Void) { lookForReaders(until: monotonicNanoseconds() + Self.longestTaking, done) }

    private func lookForReaders(until deadline: UInt64, _ done: @escaping () -> Void) {
        let isTaken = outputs.allSatisfy(\.isIdle) && [targets.stdout, targets.stderr].allSatisfy(Self.isTaken)
        if isTaken || monotonicNanoseconds() >= deadline { return done() }
        loop.after(nanoseconds: Self.takingStep) { [self] in lookForReaders(until: deadline, done) }
    }

    /// What is in a FIFO that nobody has open is gone (fifo(7)), and counts as taken.
    private static func isTaken(_ target: StreamTarget) -> Bool {
        guard case .fifo(let path) = target, let fifo = try? openFIFO(path, O_RDONLY) else { return true }
        return ((try? fifo.bytesWaiting()) ?? 0) == 0
    }

    /// Ends every stream at once; what a writer of logs has read it still writes, on its own.
    func close() {
        inputRelay?.stop()
        inputRelay = nil
        input = nil
        inputKeeper = nil
        childEnds = []
        for relay in outputs { relay.stop() }
        if logs.isUsed { logs.finish() }
        program?.finish()
        console = nil
        checkDrained()
    }

    /// For SIGUSR1.
    var summary: String {
        var parts = outputs.map(\.summary)
        if logs.isUsed { parts.append(logs.summary) }
        if let program { parts.append("logging program \(program.isRunning ? "running" : "ended")") }
        if input != nil { parts.append("stdin open") }
        return parts.isEmpty ? "no streams" : parts.joined(separator: ", ")
    }
}
