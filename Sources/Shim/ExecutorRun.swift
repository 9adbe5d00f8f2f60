internal import EventLoop
internal import Executor
internal import LinuxSys

/// One executor process on the loop: its records as they come, the end of its channel, its own end.
final class ExecutorRun {
    enum Event {
        case record(ExecutorRecord, [FDBox])
        /// The last holder of the other end is gone: the program was executed, or has died.
        case channelEnded
        /// The executor itself has ended.
        case ended(ExitStatus)
    }

    private let loop: EventLoop
    private var channel: FDBox?
    private var token: Token?
    private let process: FDBox
    private(set) var isRunning = true
    private let handler: (Event) -> Void

    init(loop: EventLoop, _ job: ExecutorJob, _ handler: @escaping (Event) -> Void) throws(SysError) {
        self.loop = loop
        self.handler = handler
        let (pid, pidfd, channel) = try Self.launch(job)
        self.channel = channel
        process = pidfd
        // The registrations keep this object until the process and the channel have ended.
        let watch = ChildWatch(loop: loop) { [self] status in
            isRunning = false
            drain()
            handler(.ended(status))
        }
        try watch.watch(process, pid: pid)
        token = try loop.watch(channel.raw, for: .read) { [self] _ in drain() }
    }

    private static func launch(_ job: ExecutorJob) throws(SysError) -> (Int32, FDBox, FDBox) {
        let handle = try launchExecutor(job)
        let pid = handle.pid
        return handle.take { pidfd, channel in (pid, FDBox(pidfd), FDBox(channel)) }
    }

    /// Opens the gate of the init process.
    func start() throws(SysError) {
        guard let channel else { throw SysError(32 /* EPIPE */, "send", on: "start") }
        try channel.fd.send(ExecutorRecord.start.encoded)
    }

    func kill() { if isRunning { try? process.fd.signalProcess(9) } }

    /// Takes every record that is there. Also to be called before an exit is acted on: what the process said comes first.
    func drain() {
        while let channel {
            do throws(SysError) {
                guard let (bytes, fds) = try channel.fd.receive(limit: 16_384) else { return end() }
                if let record = ExecutorRecord(bytes) {
                    handler(.record(record, fds))
                } else {
                    handler(.record(.warning("a record that cannot be read (\(bytes.count) bytes)"), []))
                }
            } catch {
                if error.errno == 11 /* EAGAIN */ { return }
                return end()
            }
        }
    }

    private func end() {
        if let token { loop.cancel(token) }
        token = nil
        channel = nil
        handler(.channelEnded)
    }
}
