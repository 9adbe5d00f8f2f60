internal import Images
internal import LinuxSys
internal import Logging
internal import Messages

/// The sandbox half of CRI's RuntimeService.
struct PodCalls: Sendable {
    let site: Site
    let registry: Registry

    func run(_ request: Runtime_V1_RunPodSandboxRequest) async throws -> Runtime_V1_RunPodSandboxResponse {
        let handler = request.runtimeHandler
        guard handler.isEmpty || site.settings.runtimes[handler] != nil else {
            throw PluginError.invalid(field: "runtime_handler", reason: "\(quoted(handler)) is not configured")
        }
        let plan = try SandboxPlan(request.config, site.abilities)
        guard handler.isEmpty || plan.idMap.isEmpty else {
            throw PluginError.unsupported(field: "runtime_handler", what: "a user namespace with handler \(quoted(handler))")
        }
        let id = Identifier.make()
        try await registry.reserve(plan.key, for: id, .pod)
        do {
            var record = PodRecord(id: id, name: plan.name, namespace: plan.namespace, uid: plan.uid, created: realtimeNanoseconds())
            (record.attempt, record.labels, record.annotations) = (plan.attempt, request.config.labels, request.config.annotations)
            let pod = PodActor(record, PodMemory(config: request.config, isReady: false, runtimeHandler: handler), plan: plan, site: site)
            try await pod.run()
            await registry.add(pod)
        } catch {
            await registry.forget(pod: id)
            throw error
        }
        var answer = Runtime_V1_RunPodSandboxResponse()
        answer.podSandboxID = id
        return answer
    }

    func stop(_ request: Runtime_V1_StopPodSandboxRequest) async throws -> Runtime_V1_StopPodSandboxResponse {
        if let pod = try await existing(request.podSandboxID) { try await pod.stop() }
        return Runtime_V1_StopPodSandboxResponse()
    }

    func remove(_ request: Runtime_V1_RemovePodSandboxRequest) async throws -> Runtime_V1_RemovePodSandboxResponse {
        if let pod = try await existing(request.podSandboxID) {
            for container in try await pod.remove() { await registry.forget(container: container) }
            await registry.forget(pod: pod.id)
        }
        return Runtime_V1_RemovePodSandboxResponse()
    }

    /// Nil for a pod that is not there: to stop or remove it is done already.
    private func existing(_ id: String) async throws(PluginError) -> PodActor? {
        do throws(PluginError) { return try await registry.pod(id) } catch .notFound { return nil }
    }

    func status(_ request: Runtime_V1_PodSandboxStatusRequest) async throws -> Runtime_V1_PodSandboxStatusResponse {
        let pod = try await registry.pod(request.podSandboxID)
        await pod.check()
        guard let status = site.board.pod(pod.id) else { throw PluginError.notFound(.pod, pod.id) }
        var answer = Runtime_V1_PodSandboxStatusResponse()
        answer.status = status
        answer.containersStatuses = site.board.containers(of: pod.id)
        answer.timestamp = Int64(clamping: realtimeNanoseconds())
        if request.verbose {
            answer.info = ["directory": "\"\(pod.paths.directory)\""].merging(await pod.networkInfo()) { $1 }
        }
        return answer
    }

    func list(_ request: Runtime_V1_ListPodSandboxRequest) -> Runtime_V1_ListPodSandboxResponse {
        var answer = Runtime_V1_ListPodSandboxResponse()
        answer.items = site.board.allPods().filter { request.filter.matches($0) }.map(\.listed)
        return answer
    }
}
