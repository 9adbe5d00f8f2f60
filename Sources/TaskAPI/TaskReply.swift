internal import CTaskProto

/// The answer to a `TaskCall`.
package enum TaskReply: Equatable, Sendable {
    /// google.protobuf.Empty: Pause, Resume, Checkpoint, Kill, Exec, ResizePty, CloseIO, Update, Shutdown.
    case empty
    case state(ProcessState)
    case create(pid: UInt32)
    case start(pid: UInt32)
    case delete(DeletedProcess)
    case pids([ProcessEntry])
    /// `exitedAt` in nanoseconds since 1970.
    case wait(exitStatus: UInt32, exitedAt: UInt64?)
    case stats(Metrics)
    case connect(shimPID: UInt32, taskPID: UInt32, version: String)

    package var encoded: [UInt8] {
        switch self {
        case .empty: return []
        case .state(let state): return state.encoded
        case .create(let pid), .start(let pid):
            return unsafe encode(containerd__task__v2__start_response__init) { message, _ in unsafe message.pid = pid }
        case .delete(let deleted):
            return unsafe encode(containerd__task__v2__delete_response__init) { message, arena in
                unsafe message.pid = deleted.pid
                unsafe message.exit_status = deleted.exitStatus
                unsafe message.exited_at = unsafe arena.timestamp(deleted.exitedAt)
            }
        case .pids(let entries): return Self.encoded(entries)
        case .wait(let exitStatus, let exitedAt):
            return unsafe encode(containerd__task__v2__wait_response__init) { message, arena in
                unsafe message.exit_status = exitStatus
                unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
            }
        case .stats(let metrics):
            return unsafe encode(containerd__task__v2__stats_response__init) { message, arena in
                unsafe message.stats = unsafe arena.any(metrics.any)
            }
        case .connect(let shimPID, let taskPID, let version):
            return unsafe encode(containerd__task__v2__connect_response__init) { message, arena in
                unsafe message.shim_pid = shimPID
                unsafe message.task_pid = taskPID
                unsafe message.version = unsafe arena.string(version)
            }
        }
    }

    private static func encoded(_ entries: [ProcessEntry]) -> [UInt8] {
        unsafe encode(containerd__task__v2__pids_response__init) { message, arena in
            unsafe message.n_processes = entries.count
            unsafe message.processes = unsafe arena.messages(entries, containerd__v1__types__process_info__init) {
                unsafe $0.pid = $1.pid
                guard !$1.execID.isEmpty else { return }
                let execID = $1.execID
                let details = unsafe encode(containerd__runc__v1__process_details__init) { unsafe $0.exec_id = unsafe $1.string(execID) }
                unsafe $0.info = unsafe arena.any(AnyValue(typeURL: "containerd.runc.v1.ProcessDetails", value: details))
            }
        }
    }
}

extension ProcessState {
    fileprivate var encoded: [UInt8] {
        unsafe encode(containerd__task__v2__state_response__init) { message, arena in
            unsafe message.id = unsafe arena.string(id)
            unsafe message.bundle = unsafe arena.string(bundle)
            unsafe message.pid = pid
            unsafe message.status = Containerd__V1__Types__Status(rawValue: status.rawValue)
            unsafe message.stdin = unsafe arena.string(io.stdin)
            unsafe message.stdout = unsafe arena.string(io.stdout)
            unsafe message.stderr = unsafe arena.string(io.stderr)
            unsafe message.terminal = io.terminal ? 1 : 0
            unsafe message.exit_status = exitStatus
            unsafe message.exited_at = unsafe arena.timestamp(exitedAt)
            unsafe message.exec_id = unsafe arena.string(execID)
        }
    }
}
