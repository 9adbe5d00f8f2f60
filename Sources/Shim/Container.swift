internal import Cgroups
internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// The answer to one call of the task service, perhaps later.
typealias Reply = (Result<TaskReply, TaskError>) -> Void

/// The one container of this shim: init, execs, cgroup, and what has been told of them.
final class Container {
    let id: String
    let bundle: String
    let loop: EventLoop
    let log: ShimLog
    let request: CreateTask
    let options: TaskOptions
    let premises: Premises
    let initial: ManagedProcess
    var execs: [String: ManagedProcess] = [:]
    var cgroupPaths = CgroupPaths()
    var freezer = Freezer.thawed
    var oomWatch: OOMWatcher?
    /// What config.json asks for after Create.
    var laterWork = LaterWork.all
    /// An executor was killed, perhaps after it had cloned a process and before it could tell of it.
    var hasStrays = false
    var record = RecordState.unwritten
    /// Init comes from a checkpoint, and Start restores it.
    var restore = Restore.none
    /// Set when processes of the container come here from above their own parents.
    var strays: StrayReaper?
    /// Create was answered.
    var isCreated = false
    /// Init ended while the record was being written: its exit is stored after that, since both are the same file.
    var afterRecord: (() -> Void)?
    /// The cgroup as the record has it.
    var recorded = CgroupPaths()
    /// Executors of this shim find ready what they would have to make.
    var isWarm = false
    /// Deletes that wait for the one that is under way.
    var deletes: [Reply] = []
    /// Called when the container is no more: as it was deleted, or nil when it never came to be.
    var onGone: ((DeletedProcess?) -> Void)?
    private var order = EventOrder<TaskEvent>()
    private let publish: (TaskEvent) -> Void

    /// The channel of the executor that restores init ends before the record is on disk: then that is what Start waits for.
    enum Restore: Equatable { case none, waiting, underWay, restored }
    enum Freezer: Equatable { case thawed, freezing, frozen, thawing }
    /// The task's record on disk: Create is answered when it is there.
    enum RecordState: Equatable { case unwritten, writing, written }

    init(
        _ request: CreateTask, options: TaskOptions, io: ProcessIO, _ premises: Premises, loop: EventLoop, log: ShimLog,
        publish: @escaping (TaskEvent) -> Void
    ) {
        id = request.id
        bundle = request.bundle
        self.request = request
        self.options = options
        self.premises = premises
        self.loop = loop
        self.log = log
        self.publish = publish
        initial = ManagedProcess(execID: "", request: request.io, io: io, machine: ProcessMachine(.initial))
    }

    var cgroup: Cgroup { Cgroup(cgroupPaths) }

    /// As later executor jobs need to know it.
    var reference: ContainerReference {
        var reference = ContainerReference(
            id: id, bundle: bundle, pid: initial.machine.isAlive ? initial.machine.pid : 0,
            pidfd: initial.machine.isAlive ? initial.pidfd?.raw ?? -1 : -1, cgroup: cgroupPaths)
        reference.options = options.executor
        return reference
    }

    func process(_ execID: String) throws(TaskError) -> ManagedProcess {
        guard !execID.isEmpty else { return initial }
        guard let process = execs[execID] else { throw .unknownProcess(execID) }
        return process
    }

    // MARK: events, in order

    func tell(_ kind: EventOrder<TaskEvent>.Kind, _ event: TaskEvent) {
        for event in order.put(kind, event) { publish(event) }
    }

    func expectStart(of process: ManagedProcess) {
        if process.execID.isEmpty { order.starting() } else { order.starting(exec: process.execID) }
    }

    func startFailed(_ process: ManagedProcess) {
        for event in order.startFailed(exec: process.execID.isEmpty ? nil : process.execID) { publish(event) }
    }

    func tellStarted(_ process: ManagedProcess, pid: Int32) {
        let number = UInt32(bitPattern: pid)
        if process.execID.isEmpty {
            tell(.start, .start(id: id, pid: number))
        } else {
            tell(.execStarted(process.execID), .execStarted(id: id, execID: process.execID, pid: number))
        }
    }

    func tellExit(_ process: ManagedProcess, pid: Int32, _ ending: Ending) {
        let isInit = process.execID.isEmpty
        let event = TaskEvent.exit(
            id: id, process: isInit ? id : process.execID, pid: UInt32(bitPattern: pid), exitStatus: ending.status, exitedAt: ending.time)
        tell(isInit ? .initExit : .execExit(process.execID), event)
    }

    /// Every stream that goes to a log file follows a rotation. Calls back with what went wrong, if something did.
    func reopenLogs(_ done: @escaping (String?) -> Void) {
        let all = [initial] + execs.values
        var left = all.count
        var problem: String?
        for process in all {
            process.io.reopenLogs { found in
                problem = problem ?? found
                left -= 1
                if left == 0 { done(problem) }
            }
        }
    }

    /// The shim ends: logging programs that are still at it have had the end of their input and their time.
    func killPrograms() { for process in [initial] + execs.values { process.io.killProgram() } }

    /// For SIGUSR1: one line for the container, one for each process.
    var summary: [String] {
        let head =
            "task \(id): cgroup \(freezer), record \(record), \(execs.count) execs, \(deletes.count) deletes wait, "
            + "events held back: \(order.count)"
        return [head, "init \(initial.summary)"] + execs.sorted { $0.key < $1.key }.map { "exec \($0.key) \($0.value.summary)" }
    }
}
