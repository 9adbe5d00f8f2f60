internal import Messages

/// What CRI changes of pods and containers that are there.
struct ChangeCalls: Sendable {
    /// When a client says nothing: as long as the shim itself gives criu.
    private static let checkpointSeconds: Int64 = 600

    let site: Site
    let registry: Registry

    func updateContainer(_ request: Runtime_V1_UpdateContainerResourcesRequest) async throws -> Runtime_V1_UpdateContainerResourcesResponse
    {
        if request.hasWindows { throw PluginError.unsupported(field: "windows", what: "Windows") }
        guard request.hasLinux else { throw PluginError.invalid(field: "linux", reason: "is missing") }
        try await registry.container(request.containerID).update(request.linux, site.abilities)
        return Runtime_V1_UpdateContainerResourcesResponse()
    }

    /// CRI: the caller has changed the pod's cgroup already; what is known of the pod follows.
    func updatePod(_ request: Runtime_V1_UpdatePodSandboxResourcesRequest) async throws -> Runtime_V1_UpdatePodSandboxResourcesResponse {
        try await registry.pod(request.podSandboxID).update(
            overhead: request.hasOverhead ? request.overhead : nil, resources: request.hasResources ? request.resources : nil)
        return Runtime_V1_UpdatePodSandboxResourcesResponse()
    }

    func reopenLog(_ request: Runtime_V1_ReopenContainerLogRequest) async throws -> Runtime_V1_ReopenContainerLogResponse {
        try await registry.container(request.containerID).reopenLog()
        return Runtime_V1_ReopenContainerLogResponse()
    }

    func checkpoint(_ request: Runtime_V1_CheckpointContainerRequest) async throws -> Runtime_V1_CheckpointContainerResponse {
        guard request.timeout >= 0 else { throw PluginError.invalid(field: "timeout", reason: "is negative") }
        let limit = request.timeout == 0 ? Self.checkpointSeconds : request.timeout
        try await registry.container(request.containerID).checkpoint(to: request.location, timeout: .seconds(limit))
        return Runtime_V1_CheckpointContainerResponse()
    }
}
