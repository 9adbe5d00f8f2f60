internal import CTaskProto
package import TTRPC

/// What a shim tells its orchestrator. Times are nanoseconds since 1970.
package enum TaskEvent: Equatable, Sendable {
    case create(id: String, bundle: String, rootfs: [TaskMount], io: TaskIO, checkpoint: String, pid: UInt32)
    case start(id: String, pid: UInt32)
    case execAdded(id: String, execID: String)
    case execStarted(id: String, execID: String, pid: UInt32)
    /// `process`: the container's id for init, else the exec's.
    case exit(id: String, process: String, pid: UInt32, exitStatus: UInt32, exitedAt: UInt64)
    case oom(id: String)
    case paused(id: String)
    case resumed(id: String)
    case checkpointed(id: String, checkpoint: String)
    case delete(id: String, process: String, pid: UInt32, exitStatus: UInt32, exitedAt: UInt64?)

    /// Where subscribers look for it.
    package var topic: String {
        switch self {
        case .create: "/tasks/create"
        case .start: "/tasks/start"
        case .execAdded: "/tasks/exec-added"
        case .execStarted: "/tasks/exec-started"
        case .exit: "/tasks/exit"
        case .oom: "/tasks/oom"
        case .paused: "/tasks/paused"
        case .resumed: "/tasks/resumed"
        case .checkpointed: "/tasks/checkpointed"
        case .delete: "/tasks/delete"
        }
    }

    /// containerd looks events up by the bare name of the message.
    package var typeURL: String {
        switch self {
        case .create: "containerd.events.TaskCreate"
        case .start: "containerd.events.TaskStart"
        case .execAdded: "containerd.events.TaskExecAdded"
        case .execStarted: "containerd.events.TaskExecStarted"
        case .exit: "containerd.events.TaskExit"
        case .oom: "containerd.events.TaskOOM"
        case .paused: "containerd.events.TaskPaused"
        case .resumed: "containerd.events.TaskResumed"
        case .checkpointed: "containerd.events.TaskCheckpointed"
        case .delete: "containerd.events.TaskDelete"
        }
    }

    package var any: AnyValue { AnyValue(typeURL: typeURL, value: encoded) }

    package static let forwardService = "containerd.services.events.ttrpc.v1.Events"
    package static let forwardMethod = "Forward"

    /// The call that hands this event to the orchestrator. `at`: when it happened.
    package func forward(namespace: String, at time: UInt64, timeout: Int64 = 0) -> RequestEnvelope {
        let any = self.any
        let topic = self.topic
        let payload = unsafe encode(containerd__services__events__ttrpc__v1__forward_request__init) { message, arena in
            unsafe message.envelope = unsafe arena.message(containerd__types__envelope__init) {
                unsafe $0.timestamp = unsafe arena.timestamp(time)
                unsafe $0.namespace_ = unsafe arena.string(namespace)
                unsafe $0.topic = unsafe arena.string(topic)
                unsafe $0.event = unsafe arena.any(any)
            }
        }
        return RequestEnvelope(
            service: Self.forwardService, method: Self.forwardMethod, payload: payload, timeout: timeout,
            metadata: [RequestEnvelope.Pair(key: RequestEnvelope.namespaceKey, value: namespace)])
    }
}

extension TaskEvent {
    package var encoded: [UInt8] {
        switch self {
        case .create(let id, let bundle, let rootfs, let io, let checkpoint, let pid):
            return unsafe encode(containerd__events__task_create__init) { message, arena in
                unsafe message.container_id = unsafe arena.string(id)
                unsafe message.bundle = unsafe arena.string(bundle)
                unsafe message.n_rootfs = rootfs.count
                unsafe message.rootfs = unsafe arena.mounts(rootfs)
                unsafe message.io = unsafe arena.io(io)
                unsafe message.checkpoint = unsafe arena.string(checkpoint)
                unsafe message.pid = pid
            }
        case .start(let id, let pid):
            return unsafe encode(containerd__events__task_start__init) { message, arena in
                unsafe message.container_id = unsafe arena.string(id)
                unsafe message.pid = pid
            }
        case .execAdded(let id, let execID): return Self.named(id, second: execID)
        case .checkpointed(let id, let checkpoint): return Self.named(id, second: checkpoint)
        case .oom(let id), .paused(let id), .resumed(let id): return Self.named(id, second: "")
        case .execStarted(let id, let execID, let pid):
            return unsafe encode(containerd__events__task_exec_started__init) { message, arena in
                unsafe message.container_id = unsafe arena.string(id)
                unsafe message.exec_id = unsafe arena.string(execID)
                unsafe message.pid = pid
            }
        case .exit(let id, let process, let pid, let exitStatus, let exitedAt):
            return unsafe encode(containerd__events__task_exit__init) { message, arena in
                unsafe message.container_id = unsafe arena.string(id)
                unsafe message.id = unsafe arena.string(process)
                unsafe message.pid = pid
                unsafe message.exit_status = exitStatus
                unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
            }
        case .delete(let id, let process, let pid, let exitStatus, let exitedAt):
            return unsafe encode(containerd__events__task_delete__init) { message, arena in
                unsafe message.container_id = unsafe arena.string(id)
                unsafe message.pid = pid
                unsafe message.exit_status = exitStatus
                unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
                unsafe message.id = unsafe arena.string(process)
            }
        }
    }

    /// TaskOOM, TaskPaused and TaskResumed have the container's name as field 1 and no field 2;
    /// TaskExecAdded and TaskCheckpointed a second string there: all are the same on the wire.
    private static func named(_ id: String, second: String) -> [UInt8] {
        unsafe encode(containerd__events__task_exec_added__init) { message, arena in
            unsafe message.container_id = unsafe arena.string(id)
            unsafe message.exec_id = unsafe arena.string(second)
        }
    }
}

extension Arena {
    fileprivate func io(_ io: TaskIO) -> UnsafeMutablePointer<Containerd__Events__TaskIO> {
        unsafe message(containerd__events__task_io__init) {
            unsafe $0.stdin = unsafe string(io.stdin)
            unsafe $0.stdout = unsafe string(io.stdout)
            unsafe $0.stderr = unsafe string(io.stderr)
            unsafe $0.terminal = io.terminal ? 1 : 0
        }
    }
}
