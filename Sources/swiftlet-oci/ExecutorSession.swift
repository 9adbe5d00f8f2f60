import Executor
import Glibc
import LinuxSys

/// One executor and what it reports, read to its end by a command that may block.
final class ExecutorSession {
    private let channel: FDBox
    private let executor: FDBox
    private let log: Log
    private(set) var process: (pid: Int32, pidfd: FDBox)?
    private(set) var console: FDBox?
    private(set) var cgroup = CgroupPaths()

    enum Outcome {
        case ready, done, ended
        case failed(ExecutorFailure)
    }

    init(_ job: ExecutorJob, log: Log) throws(CommandError) {
        self.log = log
        let handle = try kernel { () throws(SysError) in try launchExecutor(job) }
        (executor, channel) = handle.take { (FDBox($0), FDBox($1)) }
    }

    /// Reads records until one that ends a phase, or the end of the stream. Warnings are printed.
    func next() throws(CommandError) -> Outcome {
        while true {
            try kernel { () throws(SysError) in _ = try pollDescriptors([(channel.raw, Int16(POLLIN))], milliseconds: -1) }
            let message: (bytes: [UInt8], fds: [FDBox])?
            do { message = try channel.fd.receive() } catch {
                if error.errno == EAGAIN { continue }
                if error.errno == ECONNRESET { return .ended }
                throw .kernel(error)
            }
            guard let message else { return .ended }
            guard let record = ExecutorRecord(message.bytes) else {
                throw .state(operation: "read", id: "the executor", reason: "not a record")
            }
            switch record {
            case .started(let pid): if let pidfd = message.fds.first { process = (pid, pidfd) }
            case .console: console = message.fds.first
            case .cgroup(let paths): cgroup = paths
            case .warning(let text): log.warn(text)
            case .ready: return .ready
            case .done: return .done
            case .failed(let failure): return .failed(failure)
            case .start: continue
            }
        }
    }

    func start() throws(CommandError) { try kernel { () throws(SysError) in _ = try channel.fd.send(ExecutorRecord.start.encoded) } }

    /// Waits for the executor itself: after a failure it undoes what was half made, telling what it could not.
    func finish() {
        while let outcome = try? next() {
            if case .ended = outcome { break }
        }
        reapExecutor()
    }

    /// For a job whose process holds the channel from now on.
    func reapExecutor() { _ = try? executor.fd.reap(blocking: true) }

    /// The process, when the executor failed after it had made it.
    func reapProcess() { _ = try? process?.pidfd.fd.reap(blocking: true) }
}
