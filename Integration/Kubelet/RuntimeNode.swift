internal import Messages
package import TTRPC
internal import TTRPCNIO

/// The plugin, as the kubelet calls it.
package struct RuntimeNode: Sendable {
    private let client: TTRPCClient
    private static let runtime = "runtime.v1.RuntimeService"
    private static let patience: Duration = .seconds(120)

    package static func connect(_ socket: String) async throws(Status) -> RuntimeNode {
        RuntimeNode(client: try await TTRPCClient.connect(path: socket))
    }

    package func close() async { await client.close() }

    func runSandbox(_ config: Runtime_V1_PodSandboxConfig) async throws(Status) -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        request.config = config
        let answer = try await client.unary(
            Self.runtime, "RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self, timeout: Self.patience)
        return answer.podSandboxID
    }

    func stopSandbox(_ id: String) async throws(Status) {
        var request = Runtime_V1_StopPodSandboxRequest()
        request.podSandboxID = id
        _ = try await client.unary(
            Self.runtime, "StopPodSandbox", request, as: Runtime_V1_StopPodSandboxResponse.self, timeout: Self.patience)
    }

    func removeSandbox(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemovePodSandboxRequest()
        request.podSandboxID = id
        _ = try await client.unary(
            Self.runtime, "RemovePodSandbox", request, as: Runtime_V1_RemovePodSandboxResponse.self, timeout: Self.patience)
    }

    func create(
        _ config: Runtime_V1_ContainerConfig, in sandbox: String, _ sandboxConfig: Runtime_V1_PodSandboxConfig
    ) async throws(Status) -> String {
        var request = Runtime_V1_CreateContainerRequest()
        (request.podSandboxID, request.config, request.sandboxConfig) = (sandbox, config, sandboxConfig)
        let answer = try await client.unary(
            Self.runtime, "CreateContainer", request, as: Runtime_V1_CreateContainerResponse.self, timeout: Self.patience)
        return answer.containerID
    }

    func start(_ id: String) async throws(Status) {
        var request = Runtime_V1_StartContainerRequest()
        request.containerID = id
        _ = try await client.unary(
            Self.runtime, "StartContainer", request, as: Runtime_V1_StartContainerResponse.self, timeout: Self.patience)
    }

    func stop(_ id: String, graceSeconds: Int64) async throws(Status) {
        var request = Runtime_V1_StopContainerRequest()
        (request.containerID, request.timeout) = (id, graceSeconds)
        _ = try await client.unary(
            Self.runtime, "StopContainer", request, as: Runtime_V1_StopContainerResponse.self,
            timeout: .seconds(graceSeconds) + Self.patience)
    }

    func remove(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemoveContainerRequest()
        request.containerID = id
        _ = try await client.unary(
            Self.runtime, "RemoveContainer", request, as: Runtime_V1_RemoveContainerResponse.self, timeout: Self.patience)
    }

    /// Every container of the node that is in the state exited, with how it ended.
    func exits(of ids: [String]) async throws(Status) -> [(id: String, exit: PodMachine.Exit)] {
        var result: [(String, PodMachine.Exit)] = []
        for id in ids {
            var request = Runtime_V1_ContainerStatusRequest()
            request.containerID = id
            let answer = try await client.unary(
                Self.runtime, "ContainerStatus", request, as: Runtime_V1_ContainerStatusResponse.self, timeout: Self.patience)
            if answer.status.state == .containerExited { result.append((id, PodMachine.Exit(answer.status))) }
        }
        return result
    }

    func events() -> AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error> {
        client.serverStream(Self.runtime, "GetContainerEvents", Runtime_V1_GetEventsRequest())
    }

    /// The runtime's name and version.
    package func version() async throws(Status) -> String {
        let answer = try await client.unary(
            Self.runtime, "Version", Runtime_V1_VersionRequest(), as: Runtime_V1_VersionResponse.self, timeout: .seconds(10))
        return "\(answer.runtimeName) \(answer.runtimeVersion), CRI \(answer.runtimeApiVersion)"
    }
}

extension PodMachine.Exit {
    init(_ status: Runtime_V1_ContainerStatus) { self.init(code: status.exitCode, reason: status.reason) }
}
