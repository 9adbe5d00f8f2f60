internal import CTaskProto
package import TTRPC

/// One call of the task service as values. An empty `execID` means the container's init.
package enum TaskCall: Equatable, Sendable {
    case state(id: String, execID: String)
    case create(CreateTask)
    case start(id: String, execID: String)
    case delete(id: String, execID: String)
    case pids(id: String)
    case pause(id: String)
    case resume(id: String)
    case checkpoint(id: String, path: String, options: AnyValue?)
    case kill(id: String, execID: String, signal: UInt32, all: Bool)
    case exec(ExecProcess)
    case resizePty(id: String, execID: String, width: UInt32, height: UInt32)
    case closeIO(id: String, execID: String, stdin: Bool)
    /// `resources`: `linux.resources` of the OCI runtime specification as JSON.
    case update(id: String, resources: AnyValue?, annotations: [RequestEnvelope.Pair])
    case wait(id: String, execID: String)
    case stats(id: String)
    case connect(id: String)
    case shutdown(id: String, now: Bool)

    /// The service under both its names: containerd 1.7 and newer try version 3 first.
    package static let services = ["containerd.task.v2.Task", "containerd.task.v3.Task"]

    package init(_ request: RequestEnvelope) throws(Status) {
        try self.init(service: request.service, method: request.method, payload: request.payload)
    }

    package init(service: String, method: String, payload: [UInt8]) throws(Status) {
        guard Self.services.contains(service) else { throw Status(.unimplemented, "service \(service) is not served here") }
        switch method {
        case "Create": self = .create(try CreateTask(payload))
        case "Exec": self = .exec(try ExecProcess(payload))
        case "Checkpoint", "Update", "ResizePty", "CloseIO", "Kill", "Shutdown": self = try Self.withArguments(method, payload)
        case "State", "Start", "Delete", "Wait": self = try Self.ofProcess(method, payload)
        case "Pids", "Pause", "Resume", "Stats", "Connect": self = try Self.ofContainer(method, payload)
        default: throw Status(.unimplemented, "method \(service)/\(method) is not served here")
        }
    }

    private static func name(_ method: String) -> String { "containerd.task.v2.\(method)Request" }

    /// Calls with the fields id and exec_id only: all of these messages are the same on the wire.
    private static func ofProcess(_ method: String, _ payload: [UInt8]) throws(Status) -> TaskCall {
        let (id, execID) = try unsafe decode(payload, name(method), containerd__task__v2__state_request__init) {
            unsafe (text($0.id), text($0.exec_id))
        }
        switch method {
        case "State": return .state(id: id, execID: execID)
        case "Start": return .start(id: id, execID: execID)
        case "Delete": return .delete(id: id, execID: execID)
        default: return .wait(id: id, execID: execID)
        }
    }

    /// Calls with the field id only.
    private static func ofContainer(_ method: String, _ payload: [UInt8]) throws(Status) -> TaskCall {
        let id = try unsafe decode(payload, name(method), containerd__task__v2__pids_request__init) { unsafe text($0.id) }
        switch method {
        case "Pids": return .pids(id: id)
        case "Pause": return .pause(id: id)
        case "Resume": return .resume(id: id)
        case "Stats": return .stats(id: id)
        default: return .connect(id: id)
        }
    }

    private static func withArguments(_ method: String, _ payload: [UInt8]) throws(Status) -> TaskCall {
        switch method {
        case "Kill":
            return try unsafe decode(payload, name(method), containerd__task__v2__kill_request__init) {
                unsafe .kill(id: text($0.id), execID: text($0.exec_id), signal: $0.signal, all: $0.all != 0)
            }
        case "ResizePty":
            return try unsafe decode(payload, name(method), containerd__task__v2__resize_pty_request__init) {
                unsafe .resizePty(id: text($0.id), execID: text($0.exec_id), width: $0.width, height: $0.height)
            }
        case "CloseIO":
            return try unsafe decode(payload, name(method), containerd__task__v2__close_iorequest__init) {
                unsafe .closeIO(id: text($0.id), execID: text($0.exec_id), stdin: $0.stdin != 0)
            }
        case "Shutdown":
            return try unsafe decode(payload, name(method), containerd__task__v2__shutdown_request__init) {
                unsafe .shutdown(id: text($0.id), now: $0.now != 0)
            }
        case "Checkpoint":
            return try unsafe decode(
                payload, "containerd.task.v2.CheckpointTaskRequest", containerd__task__v2__checkpoint_task_request__init
            ) {
                unsafe .checkpoint(id: text($0.id), path: text($0.path), options: AnyValue($0.options))
            }
        default:
            return try unsafe decode(payload, "containerd.task.v2.UpdateTaskRequest", containerd__task__v2__update_task_request__init) {
                unsafe .update(
                    id: text($0.id), resources: AnyValue($0.resources),
                    annotations: copy($0.annotations, count: $0.n_annotations) {
                        unsafe RequestEnvelope.Pair(key: text($0.key), value: text($0.value))
                    })
            }
        }
    }
}

extension AnyValue {
    init?(_ any: UnsafeMutablePointer<Google__Protobuf__Any>?) {
        guard let any = unsafe any?.pointee else { return nil }
        unsafe self.init(typeURL: text(any.type_url), value: copy(any.value))
    }
}

extension CreateTask {
    init(_ payload: [UInt8]) throws(Status) {
        self = try unsafe decode(payload, "containerd.task.v2.CreateTaskRequest", containerd__task__v2__create_task_request__init) {
            unsafe CreateTask(
                id: text($0.id), bundle: text($0.bundle),
                rootfs: copy($0.rootfs, count: $0.n_rootfs) { unsafe TaskMount($0) },
                io: TaskIO(stdin: text($0.stdin), stdout: text($0.stdout), stderr: text($0.stderr), terminal: $0.terminal != 0),
                checkpoint: text($0.checkpoint), parentCheckpoint: text($0.parent_checkpoint), options: AnyValue($0.options))
        }
    }
}

extension TaskMount {
    init(_ mount: Containerd__Types__Mount) {
        let options = unsafe UnsafeBufferPointer(start: mount.options, count: mount.n_options).map { unsafe text($0) }
        unsafe self.init(type: text(mount.type), source: text(mount.source), target: text(mount.target), options: options)
    }
}

extension ExecProcess {
    init(_ payload: [UInt8]) throws(Status) {
        self = try unsafe decode(payload, "containerd.task.v2.ExecProcessRequest", containerd__task__v2__exec_process_request__init) {
            unsafe ExecProcess(
                id: text($0.id), execID: text($0.exec_id),
                io: TaskIO(stdin: text($0.stdin), stdout: text($0.stdout), stderr: text($0.stderr), terminal: $0.terminal != 0),
                spec: AnyValue($0.spec))
        }
    }
}
