internal import Messages

/// CRI's answers to Exec, Attach and PortForward: URLs. What is wrong with a request is said here, not by the server behind the URL.
extension Service {
    func execURL(_ request: Runtime_V1_ExecRequest) async throws(PluginError) -> Runtime_V1_ExecResponse {
        let session = try await Sessions.exec(request, streaming.registry)
        guard !request.cmd.isEmpty else { throw .invalid(field: "cmd", reason: "is empty") }
        try session.wishes.check()
        _ = try await session.container.runningShim()
        var answer = Runtime_V1_ExecResponse()
        answer.url = try streams.url(.exec(request))
        return answer
    }

    func attachURL(_ request: Runtime_V1_AttachRequest) async throws(PluginError) -> Runtime_V1_AttachResponse {
        let session = try await Sessions.attach(request, streaming.registry)
        _ = try await session.container.attachAccess(session.wishes)
        var answer = Runtime_V1_AttachResponse()
        answer.url = try streams.url(.attach(request))
        return answer
    }

    func portForwardURL(_ request: Runtime_V1_PortForwardRequest) async throws(PluginError) -> Runtime_V1_PortForwardResponse {
        for port in request.port where !(1...65535).contains(port) { throw .invalid(field: "port", reason: "\(port) is no port") }
        _ = try await streaming.registry.pod(request.podSandboxID).networkNamespace()
        var answer = Runtime_V1_PortForwardResponse()
        answer.url = try streams.url(.portForward(request))
        return answer
    }
}
