internal import FoundationEssentials
internal import LinuxSys
internal import Messages
internal import OCI
internal import SwiftProtobuf
internal import TTRPC
internal import TaskClient

/// One container's shim, in this program's words.
final class Supervisor: Sendable {
    let socket: String
    private let id: String
    private let service: TaskService

    private init(_ id: String, socket: String, _ service: TaskService) {
        self.id = id
        self.socket = socket
        self.service = service
    }

    /// Starts the shim (without an address for events: this program asks instead).
    static func start(_ id: String, bundle: String, isDebug: Bool) async throws -> Supervisor {
        let socket = try await ShimProcess.start(
            shim: try ShimProcess.locate(), id: id, namespace: Context.namespace, bundle: bundle, eventAddress: nil, debug: isDebug)
        return try await connect(id, socket: socket)
    }

    static func connect(_ id: String, socket: String) async throws -> Supervisor {
        Supervisor(id, socket: socket, try await TaskService(socket: socket, namespace: Context.namespace))
    }

    /// The `delete` verb: kills and removes what a shim left that is gone.
    static func cleanUp(_ id: String, bundle: String) async throws -> ExitRecord {
        let answer = try await ShimProcess.delete(
            shim: try ShimProcess.locate(), id: id, namespace: Context.namespace, bundle: bundle)
        return ExitRecord(code: answer.exitStatus, finished: answer.hasExitedAt ? Timestamp(answer.exitedAt) : .now)
    }
}

/// Where one process' streams go, as the shim understands it (log URI or FIFO path; empty: /dev/null).
struct StreamPaths: Equatable, Sendable {
    var stdin = ""
    var stdout = ""
    var stderr = ""
    var terminal = false
}

extension Supervisor {
    func create(bundle: String, root: [Containerd_Types_Mount], streams: StreamPaths) async throws -> UInt32 {
        var request = Containerd_Task_V2_CreateTaskRequest()
        request.id = id
        request.bundle = bundle
        request.rootfs = root
        request.terminal = streams.terminal
        request.stdin = streams.stdin
        request.stdout = streams.stdout
        request.stderr = streams.stderr
        return try await service.create(request)
    }

    /// The process as the runtime-spec's `process` object.
    func addExec(_ execID: String, process: JSON, streams: StreamPaths) async throws {
        var request = Containerd_Task_V2_ExecProcessRequest()
        request.id = id
        request.execID = execID
        request.terminal = streams.terminal
        request.stdin = streams.stdin
        request.stdout = streams.stdout
        request.stderr = streams.stderr
        request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
        request.spec.value = Data(process.encoded())
        try await service.exec(request)
    }

    func start(_ execID: String = "") async throws -> UInt32 { try await service.start(id, exec: execID) }

    /// Waits as long as it takes.
    func wait(_ execID: String = "") async throws -> ExitRecord {
        let answer = try await service.wait(id, exec: execID)
        return ExitRecord(code: answer.exitStatus, finished: answer.hasExitedAt ? Timestamp(answer.exitedAt) : .now)
    }

    func kill(_ signal: Int32, _ execID: String = "", all: Bool = false) async throws {
        try await service.kill(id, exec: execID, signal: UInt32(signal), all: all)
    }

    func pause() async throws { try await service.pause(id) }

    func resume() async throws { try await service.resume(id) }

    func closeInput(_ execID: String = "") async throws { try await service.closeIO(id, exec: execID) }

    func resize(_ size: TerminalSize, _ execID: String = "") async throws {
        try await service.resizePty(id, exec: execID, width: UInt32(size.columns), height: UInt32(size.rows))
    }

    func state() async throws -> ContainerState {
        let answer = try await service.state(id)
        switch answer.status {
        case .created: return .created
        case .running: return .running(pid: answer.pid)
        case .paused, .pausing: return .paused(pid: answer.pid)
        case .stopped:
            return .exited(ExitRecord(code: answer.exitStatus, finished: answer.hasExitedAt ? Timestamp(answer.exitedAt) : .now))
        case .unknown, .UNRECOGNIZED: return .unreachable
        }
    }

    /// Removes the ended container (or exec) from the shim; what is gone already is as good.
    func delete(_ execID: String = "") async throws -> ExitRecord? {
        do {
            let answer = try await service.delete(id, exec: execID)
            return ExitRecord(code: answer.exitStatus, finished: answer.hasExitedAt ? Timestamp(answer.exitedAt) : .now)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// Ends the shim, which has nothing left.
    func shutdown() async throws { try await service.shutdown(id) }
}

extension Timestamp {
    init(_ time: Google_Protobuf_Timestamp) { self.init(nanoseconds: time.seconds * 1_000_000_000 + Int64(time.nanos)) }
}
