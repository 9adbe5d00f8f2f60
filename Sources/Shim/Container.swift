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
    let options: ExecutorOptions
    let initial: ManagedProcess
    var execs: [String: ManagedProcess] = [:]
    var cgroupPaths = CgroupPaths()
    var freezer = Freezer.thawed
    var oomWatch: OOMWatcher?
    /// config.json names poststart hooks, which Start then waits for.
    var hasPoststartHooks = false
    var record = RecordState.unwritten
    /// Executors of this shim find ready what they would have to make.
    var isWarm = false
    /// Deletes that wait for the one that is under way.
    var deletes: [Reply] = []
    /// Called when the container is no more (deleted, or never came to be).
    var onGone: (() -> Void)?
    private var order = EventOrder<TaskEvent>()
    private let publish: (TaskEvent) -> Void

    enum Freezer: Equatable { case thawed, freezing, frozen, thawing }
    /// The task's record on disk: Create is answered when it is there.
    enum RecordState: Equatable { case unwritten, writing, written }

    init(
        _ request: CreateTask, options: ExecutorOptions, io: ProcessIO, loop: EventLoop, log: ShimLog,
        publish: @escaping (TaskEvent) -> Void
    ) {
        id = request.id
        bundle = request.bundle
        self.request = request
        self.options = options
        self.loop = loop
        self.log = log
        self.publish = publish
        initial = ManagedProcess(execID: "", request: request.io, io: io, machine: ProcessMachine(.initial))
    }

    var cgroup: Cgroup { Cgroup(entries: cgroupPaths.entries.map { ($0.controller, $0.directory) }) }

    /// As later executor jobs need to know it.
    var reference: ContainerReference {
        var reference = ContainerReference(
            id: id, bundle: bundle, pid: initial.machine.isAlive ? initial.machine.pid : 0,
            pidfd: initial.machine.isAlive ? initial.pidfd?.raw ?? -1 : -1, cgroup: cgroupPaths)
        reference.options = options
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

    /// Every stream that goes to a log file follows a rotation.
    func reopenLogs() {
        initial.io.reopenLogs()
        for process in execs.values { process.io.reopenLogs() }
    }

    /// For SIGUSR1.
    var summary: String {
        let lines = execs.map { "exec \($0.key): \($0.value.machine.phase)" }.sorted()
        return (["task \(id): \(initial.machine.phase), cgroup \(freezer), record \(record)"] + lines).joined(separator: "; ")
    }
}
