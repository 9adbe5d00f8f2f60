internal import Cgroups
import Executor
import Glibc
import LinuxSys

/// One job of the executor, done in this process, and what the container's process reports afterwards. Warnings are printed.
final class ExecutorSession {
    private let log: Log
    private(set) var process: (pid: Int32, pidfd: FDBox)?
    private(set) var console: FDBox?
    private(set) var cgroup = CgroupPaths()
    private var channel: FDBox?
    private var phase: Outcome?
    private let started: (Int32) -> Void

    enum Outcome {
        case ready, done, ended
        case failed(ExecutorFailure)
    }

    /// - Parameter started: told the pid of the container's process as soon as there is one, before it can outlive this one.
    init(_ job: ExecutorJob, log: Log, started: @escaping (Int32) -> Void = { _ in }) throws(CommandError) {
        self.log = log
        self.started = started
        do throws(ExecutorFailure) {
            channel = try performJob(job) { [self] record, descriptor in take(record, descriptor) }
        } catch {
            phase = .failed(error)
            return
        }
        try kernel { () throws(SysError) in try readWhatIsThere() }
    }

    /// How the job ended; then what the container's process says, up to a failure or the end of the stream.
    func next() throws(CommandError) -> Outcome {
        if let phase {
            self.phase = nil
            return phase
        }
        while let channel, let message = try kernel({ () throws(SysError) in try channel.fd.receive() }) {
            if case .failed(let failure) = try Self.record(message.bytes) { return .failed(failure) }
            take(try Self.record(message.bytes), message.fds.first)
        }
        return .ended
    }

    func start() throws(CommandError) {
        guard let channel else { throw .state(operation: "start", id: "init", reason: "it is gone") }
        try kernel { () throws(SysError) in _ = try channel.fd.send(ExecutorRecord.start.encoded) }
    }

    /// The process, when the executor failed after it had made it.
    func reapProcess() { _ = try? process?.pidfd.fd.reap(blocking: true) }

    private func take(_ record: ExecutorRecord, _ descriptor: FDBox?) {
        switch record {
        case .started(let pid):
            if let descriptor { process = (pid, descriptor) }
            started(pid)
        case .console: console = descriptor
        case .cgroup(let paths): cgroup = paths
        case .warning(let text): log.warn(text)
        case .ready: phase = .ready
        case .done: phase = .done
        case .span: break
        case .failed, .start: break
        }
    }

    /// The terminal was sent before the process was ready.
    private func readWhatIsThere() throws(SysError) {
        guard case .ready = phase, let channel else { return }
        while try channel.fd.waitReadable(milliseconds: 0) {
            guard let message = try channel.fd.receive(), let record = ExecutorRecord(message.bytes) else { return }
            take(record, message.fds.first)
        }
    }

    private static func record(_ bytes: [UInt8]) throws(CommandError) -> ExecutorRecord {
        guard let record = ExecutorRecord(bytes) else { throw .state(operation: "read", id: "the executor", reason: "not a record") }
        return record
    }
}
