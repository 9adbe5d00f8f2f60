internal import LinuxSys
internal import Messages
internal import SwiftProtobuf
package import TTRPC
internal import TTRPCNIO

/// The plugin, as the kubelet calls it.
package struct RuntimeNode: Sendable {
    private let connection: RuntimeConnection
    private static let runtime = "runtime.v1.RuntimeService"
    private static let patience: Duration = .seconds(120)

    package static func connect(_ socket: String) async throws(Status) -> RuntimeNode {
        RuntimeNode(connection: RuntimeConnection(socket: socket, client: try await TTRPCClient.connect(path: socket)))
    }

    package func close() async { await connection.close() }
    package var socket: String { connection.socket }

    private func call<Q: Message, A: Message>(
        _ method: String, _ request: Q, as answer: A.Type, timeout: Duration = patience, onLoss: Loss = .again
    ) async throws(Status) -> A {
        try await connection.call(Self.runtime, method, request, as: answer, timeout: timeout, onLoss: onLoss)
    }

    /// When the plugin is gone before it answers, what it made all the same is found by its uid.
    func runSandbox(_ config: Runtime_V1_PodSandboxConfig) async throws(Status) -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        request.config = config
        do throws(Status) {
            return try await call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self, onLoss: .fail).podSandboxID
        } catch {
            guard error.code == .unavailable else { throw error }
            for pod in try await sandboxes(labels: ["io.kubernetes.pod.uid": config.metadata.uid]) {
                if pod.state == .sandboxReady { return pod.id }
                try await removeSandbox(pod.id)
            }
            return try await call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self, onLoss: .fail).podSandboxID
        }
    }

    func stopSandbox(_ id: String) async throws(Status) {
        var request = Runtime_V1_StopPodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("StopPodSandbox", request, as: Runtime_V1_StopPodSandboxResponse.self)
    }

    func removeSandbox(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemovePodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("RemovePodSandbox", request, as: Runtime_V1_RemovePodSandboxResponse.self)
    }

    func sandboxes(labels: [String: String]) async throws(Status) -> [Runtime_V1_PodSandbox] {
        var request = Runtime_V1_ListPodSandboxRequest()
        request.filter.labelSelector = labels
        return try await call("ListPodSandbox", request, as: Runtime_V1_ListPodSandboxResponse.self).items
    }

    /// The pod's address; nil when it has none of its own.
    func address(ofSandbox id: String) async throws(Status) -> String? {
        var request = Runtime_V1_PodSandboxStatusRequest()
        request.podSandboxID = id
        let ip = try await call("PodSandboxStatus", request, as: Runtime_V1_PodSandboxStatusResponse.self).status.network.ip
        return ip.isEmpty ? nil : ip
    }

    /// As `runSandbox`: what was made though nobody heard of it is taken away first.
    func create(
        _ config: Runtime_V1_ContainerConfig, in sandbox: String, _ sandboxConfig: Runtime_V1_PodSandboxConfig
    ) async throws(Status) -> String {
        var request = Runtime_V1_CreateContainerRequest()
        (request.podSandboxID, request.config, request.sandboxConfig) = (sandbox, config, sandboxConfig)
        do throws(Status) {
            return try await call("CreateContainer", request, as: Runtime_V1_CreateContainerResponse.self, onLoss: .fail).containerID
        } catch {
            guard error.code == .unavailable else { throw error }
            for container in try await containers(of: sandbox)
            where container.metadata.name == config.metadata.name && container.metadata.attempt == config.metadata.attempt {
                try await remove(container.id)
            }
            return try await call("CreateContainer", request, as: Runtime_V1_CreateContainerResponse.self, onLoss: .fail).containerID
        }
    }

    /// When the plugin is gone before it answers, the container's state says whether it was started.
    func start(_ id: String) async throws(Status) {
        var request = Runtime_V1_StartContainerRequest()
        request.containerID = id
        do throws(Status) {
            _ = try await call("StartContainer", request, as: Runtime_V1_StartContainerResponse.self, onLoss: .fail)
        } catch {
            guard error.code == .unavailable else { throw error }
            guard try await status(id).state == .containerCreated else { return }
            _ = try await call("StartContainer", request, as: Runtime_V1_StartContainerResponse.self, onLoss: .fail)
        }
    }

    func stop(_ id: String, graceSeconds: Int64) async throws(Status) {
        var request = Runtime_V1_StopContainerRequest()
        (request.containerID, request.timeout) = (id, graceSeconds)
        _ = try await call(
            "StopContainer", request, as: Runtime_V1_StopContainerResponse.self, timeout: .seconds(graceSeconds) + Self.patience)
    }

    func remove(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemoveContainerRequest()
        request.containerID = id
        _ = try await call("RemoveContainer", request, as: Runtime_V1_RemoveContainerResponse.self)
    }

    func status(_ id: String) async throws(Status) -> Runtime_V1_ContainerStatus {
        var request = Runtime_V1_ContainerStatusRequest()
        request.containerID = id
        return try await call("ContainerStatus", request, as: Runtime_V1_ContainerStatusResponse.self).status
    }

    /// Of one pod, or of the whole node.
    func containers(of sandbox: String? = nil) async throws(Status) -> [Runtime_V1_Container] {
        var request = Runtime_V1_ListContainersRequest()
        if let sandbox { request.filter.podSandboxID = sandbox }
        return try await call("ListContainers", request, as: Runtime_V1_ListContainersResponse.self).containers
    }

    /// A command in a container, to its end; `limit` at most.
    package func execute(
        _ command: [String], in id: String, limit: Duration
    ) async throws(Status) -> (code: Int32, stdout: [UInt8], stderr: [UInt8]) {
        var request = Runtime_V1_ExecSyncRequest()
        (request.containerID, request.cmd, request.timeout) = (id, command, max(1, limit.components.seconds))
        let answer = try await call(
            "ExecSync", request, as: Runtime_V1_ExecSyncResponse.self, timeout: limit + .seconds(10), onLoss: .fail)
        return (answer.exitCode, Array(answer.stdout), Array(answer.stderr))
    }

    /// Sees to it that an image is there, as the container's policy has it.
    func provide(_ image: String, _ policy: PullPolicy) async throws(Status) {
        let service = "runtime.v1.ImageService"
        if policy != .always {
            var request = Runtime_V1_ImageStatusRequest()
            request.image.image = image
            let answer = try await connection.call(
                service, "ImageStatus", request, as: Runtime_V1_ImageStatusResponse.self, timeout: Self.patience, onLoss: .again)
            if answer.hasImage { return }
            if policy == .never { throw Status(.notFound, "image \(image): is not here and is never pulled") }
        }
        var request = Runtime_V1_PullImageRequest()
        request.image.image = image
        _ = try await connection.call(
            service, "PullImage", request, as: Runtime_V1_PullImageResponse.self, timeout: .seconds(1800), onLoss: .again)
    }

    /// What happens from the moment that the plugin has taken the call.
    func events() async throws(Status) -> AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error> {
        try await connection.current().serverStream(Self.runtime, "GetContainerEvents", Runtime_V1_GetEventsRequest())
    }

    /// The runtime's name and version.
    package func version() async throws(Status) -> String {
        let answer = try await call("Version", Runtime_V1_VersionRequest(), as: Runtime_V1_VersionResponse.self, timeout: .seconds(10))
        return "\(answer.runtimeName) \(answer.runtimeVersion), CRI \(answer.runtimeApiVersion)"
    }

    /// Where the plugin keeps things, as its verbose status has it: `root`, `state`.
    func directories() async throws(Status) -> [String] {
        var request = Runtime_V1_StatusRequest()
        request.verbose = true
        let info = try await call("Status", request, as: Runtime_V1_StatusResponse.self).info
        return ["root", "state"].compactMap { info[$0]?.trimmingQuotes }
    }

    /// The process that serves the socket.
    package var processID: Int32? {
        do throws(SysError) { return try FD.connect(to: connection.socket).peerCredentials().pid } catch { return nil }
    }
}

extension String {
    fileprivate var trimmingQuotes: String { String(drop { $0 == "\"" }.reversed().drop { $0 == "\"" }.reversed()) }
}

extension PodMachine.Exit {
    init(_ status: Runtime_V1_ContainerStatus) {
        let ran = status.startedAt > 0 && status.finishedAt > status.startedAt ? status.finishedAt - status.startedAt : 0
        self.init(code: status.exitCode, reason: status.reason, ran: .nanoseconds(ran))
    }
}
