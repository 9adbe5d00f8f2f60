internal import Cgroups
import Glibc
internal import LinuxSys

/// What the executor and the process that it made say to each other while the process sets itself up: one byte a record
/// on a socket pair of their own. A failure goes as `ExecutorRecord.failed`, with that record's kind as its first byte. The executor's
/// first message but for `begin` is `ExecutorRecord.cgroup`, with the descriptors by which the process can join (`Cgroup.doors`).
enum SetupMessage: UInt8 {
    /// Executor: ids are mapped; begin.
    case begin = 32
    /// Process: the environment stands.
    case environmentReady = 33
    /// Executor: the runtime's hooks have run.
    case hooksDone = 34
    /// Process: nothing is left but to execute.
    case ready = 35
    /// Executor: nothing more comes from here.
    case released = 36
    /// Process: set the limits.
    case limitsWanted = 37
    /// Executor: they are set.
    case limitsSet = 38
    /// Process: move me into the cgroup.
    case joinWanted = 39
    /// Executor: it is done.
    case joined = 40
}

/// The new process' ends of its sockets.
final class SetupLink {
    private let executor: FDBox
    /// Where a failure is to be told now: the executor until `ready`, then whoever starts the program.
    private var supervisor: FDBox
    private let gate: StartGate
    private var released = false

    init(executor: FDBox, channel: FDBox, gate: StartGate) {
        self.executor = executor
        self.supervisor = channel
        self.gate = gate
    }

    func send(_ record: ExecutorRecord, fds: [Int32] = []) throws(SysError) { try supervisor.fd.send(record.encoded, fds: fds) }

    /// Best effort: when nobody is left to hear it, the process ends all the same.
    func report(_ failure: ExecutorFailure) {
        let record = ExecutorRecord.failed(failure).encoded
        // An executor that was killed takes none; then its supervisor is told.
        if !released, (try? executor.fd.send(record)) == true { return }
        _ = try? supervisor.fd.send(record)
    }

    /// A step that is done, for a supervisor that traces.
    func tell(_ step: String, since start: UInt64) {
        _ = try? supervisor.fd.send(ExecutorRecord.span(name: step, start: start, end: realtimeNanoseconds()).encoded)
    }

    func awaitBegin() throws(ExecutorFailure) { try expect(.begin) }

    func awaitRuntimeHooks() throws(ExecutorFailure) {
        try sys { () throws(SysError) in try executor.fd.send([SetupMessage.environmentReady.rawValue]) }
        try expect(.hooksDone)
    }

    /// The cgroup, as soon as it is made, and the doors to it.
    func awaitCgroup() throws(ExecutorFailure) -> (CgroupPaths, [FDBox]) {
        let message = try sys { () throws(SysError) in try executor.fd.receive() }
        guard let message, case .cgroup(let paths) = ExecutorRecord(message.bytes) else { throw endedEarly() }
        return (paths, message.fds)
    }

    func askToJoin() throws(ExecutorFailure) {
        try sys { () throws(SysError) in try executor.fd.send([SetupMessage.joinWanted.rawValue]) }
        try expect(.joined)
    }

    func awaitLimits() throws(ExecutorFailure) {
        try sys { () throws(SysError) in try executor.fd.send([SetupMessage.limitsWanted.rawValue]) }
        try expect(.limitsSet)
    }

    func awaitRelease() throws(ExecutorFailure) {
        try sys { () throws(SysError) in try executor.fd.send([SetupMessage.ready.rawValue]) }
        try expect(.released)
        released = true
    }

    /// Waits for the word to start. When the supervisor that holds the other end is gone, so is the container.
    func awaitStart() throws(ExecutorFailure) {
        if case .listener(let number) = gate {
            let listener = FD(owning: number)
            supervisor = FDBox(try sys { () throws(SysError) in try listener.acceptRecords() })
        }
        let message = try sys { () throws(SysError) in try supervisor.fd.receive() }
        guard let message else { exitNow(1) }
        guard ExecutorRecord(message.bytes) == .start else {
            throw ExecutorFailure(operation: "start", subject: "", reason: "something else than a start record came")
        }
    }

    private func expect(_ wanted: SetupMessage) throws(ExecutorFailure) {
        let message = try sys { () throws(SysError) in try executor.fd.receive() }
        guard let message, message.bytes == [wanted.rawValue] else { throw endedEarly() }
    }

    private func endedEarly() -> ExecutorFailure {
        ExecutorFailure(operation: "set up", subject: "the process", reason: "the executor ended before its work was done")
    }
}
