internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// One process of the container as the supervisor holds it: its phase, its streams, its pidfd, and who waits for it.
final class ManagedProcess {
    /// Empty for init.
    let execID: String
    /// As it was asked for, for State and the create event.
    let request: TaskIO
    let io: ProcessIO
    var machine: ProcessMachine
    /// Signals go through this, never through the pid.
    var pidfd: FDBox?
    var executor: ExecutorRun?
    /// The executor's `started` record has come: from then on its child is known here.
    var isMade = false
    /// The `process` object of an exec, until Start.
    var spec: [UInt8] = []
    /// Who waits for Create or Start to come to an end.
    var pendingReply: ((Result<UInt32, TaskError>) -> Void)?
    var deadline: TimerToken?
    /// When the phase that a call waits for began (monotonic).
    var began: UInt64 = 0
    var span: Trace.Span?
    /// Why Create or Start came to nothing, until that is answered.
    var failure: TaskError?
    /// Why init, which was created, cannot execute its program: answered with its exit.
    var refusal: TaskError?
    private var waiters: [(Ending) -> Void] = []

    init(execID: String, request: TaskIO, io: ProcessIO, machine: ProcessMachine) {
        self.execID = execID
        self.request = request
        self.io = io
        self.machine = machine
    }

    /// For SIGUSR1.
    var summary: String {
        let call = pendingReply == nil ? "" : ", a call waits"
        return "\(machine.phase), \(waiters.count) waiters\(call); \(io.summary)"
    }

    /// Calls back with the ending, at once when it is known.
    func wait(_ reply: @escaping (Ending) -> Void) {
        if let ending = machine.ending { reply(ending) } else { waiters.append(reply) }
    }

    func tellWaiters(_ ending: Ending) {
        let all = waiters
        waiters = []
        for waiter in all { waiter(ending) }
    }

    /// Answers the call that waits, if one does.
    func answer(_ result: Result<UInt32, TaskError>, on loop: EventLoop) {
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        let reply = pendingReply
        pendingReply = nil
        reply?(result)
    }

    func signal(_ number: Int32) throws(TaskError) {
        guard machine.isAlive, let pidfd else { throw .unknownProcess("\(execID.isEmpty ? "init" : execID): process already finished") }
        do throws(SysError) { try pidfd.fd.signalProcess(number) } catch {
            if error.errno == 3 /* ESRCH */ { throw .unknownProcess("\(execID.isEmpty ? "init" : execID): process already finished") }
            throw .kernel(error)
        }
    }
}
