package import Messages
package import SwiftProtobuf
package import TTRPC
import TTRPCNIO

/// The task service of one shim, over a connection of its own. An empty `exec` means the container's init.
package final class TaskService: Sendable {
    package static let name = "containerd.task.v2.Task"
    /// For calls that do work in the container (hooks and mounts included).
    package static let patience: Duration = .seconds(120)
    /// For calls that answer at once (rule 9).
    package static let shortPatience: Duration = .seconds(10)

    private let client: TTRPCClient
    private let metadata: [RequestEnvelope.Pair]

    package init(socket path: String, namespace: String) async throws(Status) {
        client = try await TTRPCClient.connect(path: path)
        metadata = [RequestEnvelope.Pair(key: RequestEnvelope.namespaceKey, value: namespace)]
    }

    /// False once the shim is gone or has closed the connection.
    package var isOpen: Bool { client.isOpen }
    package func waitForClose() async { await client.waitForClose() }
    package func close() async { await client.close() }

    private func call<Q: Message, A: Message>(
        _ method: String, _ request: Q, _ timeout: Duration? = TaskService.shortPatience
    ) async throws(Status) -> A {
        try await client.unary(Self.name, method, request, timeout: timeout, metadata: metadata)
    }

    private func perform(_ method: String, _ request: some Message, _ timeout: Duration? = TaskService.shortPatience) async throws(Status) {
        let _: Google_Protobuf_Empty = try await call(method, request, timeout)
    }
}

extension TaskService {
    /// Returns the pid of the container's init, which waits for `start`.
    package func create(_ request: Containerd_Task_V2_CreateTaskRequest) async throws(Status) -> UInt32 {
        let answer: Containerd_Task_V2_CreateTaskResponse = try await call("Create", request, Self.patience)
        return answer.pid
    }

    package func start(_ id: String, exec: String = "") async throws(Status) -> UInt32 {
        var request = Containerd_Task_V2_StartRequest()
        request.id = id
        request.execID = exec
        let answer: Containerd_Task_V2_StartResponse = try await call("Start", request, Self.patience)
        return answer.pid
    }

    /// Announces a process; `start` with its exec id runs it.
    package func exec(_ request: Containerd_Task_V2_ExecProcessRequest) async throws(Status) {
        try await perform("Exec", request, Self.patience)
    }

    package func state(_ id: String, exec: String = "") async throws(Status) -> Containerd_Task_V2_StateResponse {
        var request = Containerd_Task_V2_StateRequest()
        request.id = id
        request.execID = exec
        return try await call("State", request)
    }

    /// Returns when the process has ended, however long that takes, unless `timeout` says otherwise.
    package func wait(_ id: String, exec: String = "", timeout: Duration? = nil) async throws(Status) -> Containerd_Task_V2_WaitResponse {
        var request = Containerd_Task_V2_WaitRequest()
        request.id = id
        request.execID = exec
        return try await call("Wait", request, timeout)
    }

    package func kill(_ id: String, exec: String = "", signal: UInt32, all: Bool = false) async throws(Status) {
        var request = Containerd_Task_V2_KillRequest()
        request.id = id
        request.execID = exec
        request.signal = signal
        request.all = all
        try await perform("Kill", request)
    }

    package func delete(_ id: String, exec: String = "") async throws(Status) -> Containerd_Task_V2_DeleteResponse {
        var request = Containerd_Task_V2_DeleteRequest()
        request.id = id
        request.execID = exec
        return try await call("Delete", request, Self.patience)
    }

    package func pids(_ id: String) async throws(Status) -> [Containerd_V1_Types_ProcessInfo] {
        var request = Containerd_Task_V2_PidsRequest()
        request.id = id
        let answer: Containerd_Task_V2_PidsResponse = try await call("Pids", request)
        return answer.processes
    }

    package func pause(_ id: String) async throws(Status) {
        var request = Containerd_Task_V2_PauseRequest()
        request.id = id
        try await perform("Pause", request, Self.patience)
    }

    package func resume(_ id: String) async throws(Status) {
        var request = Containerd_Task_V2_ResumeRequest()
        request.id = id
        try await perform("Resume", request, Self.patience)
    }

    package func closeIO(_ id: String, exec: String = "") async throws(Status) {
        var request = Containerd_Task_V2_CloseIORequest()
        request.id = id
        request.execID = exec
        request.stdin = true
        try await perform("CloseIO", request)
    }

    package func resizePty(_ id: String, exec: String = "", width: UInt32, height: UInt32) async throws(Status) {
        var request = Containerd_Task_V2_ResizePtyRequest()
        request.id = id
        request.execID = exec
        request.width = width
        request.height = height
        try await perform("ResizePty", request)
    }

    /// `resources`: `linux.resources` of the OCI runtime specification as JSON.
    package func update(_ id: String, resources: Google_Protobuf_Any) async throws(Status) {
        var request = Containerd_Task_V2_UpdateTaskRequest()
        request.id = id
        request.resources = resources
        try await perform("Update", request, Self.patience)
    }

    /// io.containerd.cgroups.v1.Metrics or io.containerd.cgroups.v2.Metrics.
    package func stats(_ id: String) async throws(Status) -> Google_Protobuf_Any {
        var request = Containerd_Task_V2_StatsRequest()
        request.id = id
        let answer: Containerd_Task_V2_StatsResponse = try await call("Stats", request)
        return answer.stats
    }

    /// A directory of criu's files; the container goes on.
    package func checkpoint(_ id: String, to path: String, timeout: Duration) async throws(Status) {
        var request = Containerd_Task_V2_CheckpointTaskRequest()
        request.id = id
        request.path = path
        try await perform("Checkpoint", request, timeout)
    }

    package func connect(_ id: String) async throws(Status) -> Containerd_Task_V2_ConnectResponse {
        var request = Containerd_Task_V2_ConnectRequest()
        request.id = id
        return try await call("Connect", request)
    }

    /// Every log file of the container is opened again under its name, after a rotation. Returns when that is done.
    package func reopenLogs() async throws(Status) {
        let _: Google_Protobuf_Empty = try await client.unary(
            "swiftlet.shim.v1.Supervisor", "ReopenLogs", Google_Protobuf_Empty(), timeout: .seconds(15), metadata: metadata)
    }

    /// Ends the shim when it has no task left. A shim that is gone before it could answer has done what was asked.
    package func shutdown(_ id: String, now: Bool = false) async throws(Status) {
        var request = Containerd_Task_V2_ShutdownRequest()
        request.id = id
        request.now = now
        let wasOpen = isOpen
        do throws(Status) {
            try await perform("Shutdown", request)
        } catch {
            guard error.code == .unavailable && wasOpen else { throw error }
        }
    }
}
