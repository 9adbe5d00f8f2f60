internal import FoundationEssentials
internal import Glibc
internal import Images
internal import LinuxSys
internal import Messages

/// The container half of CRI's RuntimeService.
struct ContainerCalls: Sendable {
    let site: Site
    let registry: Registry

    func create(_ request: Runtime_V1_CreateContainerRequest) async throws -> Runtime_V1_CreateContainerResponse {
        let pod = try await registry.pod(request.podSandboxID)
        let config = request.config
        guard !config.image.image.isEmpty else { throw PluginError.invalid(field: "config.image.image", reason: "is empty") }
        let store = site.store
        let image = try await offPool { try store.image(config.image.image) }
        let target = try await targetPID(config.linux.securityContext.namespaceOptions, in: pod)
        let plan = try ContainerPlan(
            config, image: image.config, in: .init(sandbox: pod.plan, paths: pod.paths, targetPID: target, abilities: site.abilities))
        let id = Identifier.make()
        try await registry.reserve("\(pod.id)/\(plan.name)/\(plan.attempt)", for: id, .container)
        do {
            try await create(id, plan, config, image, in: pod)
        } catch {
            await registry.forget(container: id)
            throw error
        }
        var answer = Runtime_V1_CreateContainerResponse()
        answer.containerID = id
        return answer
    }

    private func create(
        _ id: String, _ plan: ContainerPlan, _ config: Runtime_V1_ContainerConfig, _ image: ImageRecord, in pod: PodActor
    ) async throws {
        var plan = plan
        if let parent = plan.request.cgroupsPath {
            let slice = parent.split(separator: "/").last.map(String.init) ?? ""
            plan.request.cgroupsPath = pod.plan.isSlice ? "\(slice):swiftlet:\(id)" : parent + "/" + id
        }
        plan.runtimeOptions = .init(isSystemd: pod.plan.isSlice, other: site.settings.runtimes[pod.runtimeHandler])
        var record = ContainerRecord(
            id: id, name: plan.name, image: config.image.image, imageID: image.id, created: realtimeNanoseconds(),
            bundle: "\(site.settings.bundles)/\(id)")
        (record.sandbox, record.attempt) = (pod.id, plan.attempt)
        (record.labels, record.annotations) = (config.labels, config.annotations)
        record.command = config.command + config.args
        let memory = ContainerMemory(config: config, logPath: plan.logPath, stopSignal: plan.stopSignal)
        let container = ContainerActor(record, memory, site: site)
        let final = plan
        let identity = try await identity(pod.plan)
        // Known before it is made: its exit may be reported before Create returns.
        await registry.add(container)
        try await pod.add(container) { try await container.create(final, image: image, identity: identity) }
    }

    /// What the pod puts into /etc of its containers.
    private func identity(_ pod: SandboxPlan) async throws(PluginError) -> ContainerIdentity {
        let resolvConf: String
        if let own = pod.resolvConf {
            resolvConf = own
        } else {
            resolvConf = try await offPool {
                do throws(SysError) {
                    return String(decoding: try FD.open("/etc/resolv.conf", O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
                } catch {
                    guard error.errno == ENOENT else { throw error }
                    return ""
                }
            }
        }
        return ContainerIdentity(hostname: pod.hostname.isEmpty ? HostName.current() : pod.hostname, resolvConf: resolvConf)
    }

    private func targetPID(_ options: Runtime_V1_NamespaceOption, in pod: PodActor) async throws(PluginError) -> String? {
        guard options.pid == .target else { return nil }
        let target = try await registry.container(options.targetID)
        guard target.pod == pod.id else {
            throw .invalid(field: "config.linux.security_context.namespace_options.target_id", reason: "is of another pod")
        }
        return try await target.processID().map { "/proc/\($0)/ns/pid" }
    }

    func start(_ request: Runtime_V1_StartContainerRequest) async throws -> Runtime_V1_StartContainerResponse {
        try await registry.container(request.containerID).start()
        return Runtime_V1_StartContainerResponse()
    }

    func stop(_ request: Runtime_V1_StopContainerRequest) async throws -> Runtime_V1_StopContainerResponse {
        guard let container = try await existing(request.containerID) else { return Runtime_V1_StopContainerResponse() }
        try await container.stop(grace: .seconds(max(0, request.timeout)))
        return Runtime_V1_StopContainerResponse()
    }

    func remove(_ request: Runtime_V1_RemoveContainerRequest) async throws -> Runtime_V1_RemoveContainerResponse {
        guard let container = try await existing(request.containerID) else { return Runtime_V1_RemoveContainerResponse() }
        try await container.remove()
        if let pod = try? await registry.pod(container.pod) { await pod.drop(container) }
        await registry.forget(container: container.id)
        return Runtime_V1_RemoveContainerResponse()
    }

    private func existing(_ id: String) async throws(PluginError) -> ContainerActor? {
        do throws(PluginError) { return try await registry.container(id) } catch .notFound { return nil }
    }

    func status(_ request: Runtime_V1_ContainerStatusRequest) async throws -> Runtime_V1_ContainerStatusResponse {
        let id = try await registry.container(request.containerID).id
        // Not there while it is being made.
        guard let entry = site.board.container(id) else { throw PluginError.notFound(.container, id) }
        var answer = Runtime_V1_ContainerStatusResponse()
        answer.status = entry.status
        if request.verbose { answer.info = ["sandboxID": "\"\(entry.pod)\""] }
        return answer
    }

    func list(_ request: Runtime_V1_ListContainersRequest) -> Runtime_V1_ListContainersResponse {
        var answer = Runtime_V1_ListContainersResponse()
        answer.containers = site.board.allContainers().filter { request.filter.matches($0) }.map(\.listed)
        return answer
    }

    func exec(_ request: Runtime_V1_ExecSyncRequest) async throws -> Runtime_V1_ExecSyncResponse {
        let container = try await registry.container(request.containerID)
        guard request.timeout >= 0 else { throw PluginError.invalid(field: "timeout", reason: "is negative") }
        let outcome = try await container.execute(request.cmd, timeout: request.timeout == 0 ? nil : .seconds(request.timeout))
        var answer = Runtime_V1_ExecSyncResponse()
        (answer.stdout, answer.stderr) = (Data(outcome.stdout), Data(outcome.stderr))
        answer.exitCode = Int32(bitPattern: outcome.code)
        return answer
    }
}

/// The node's own name.
enum HostName {
    static func current() -> String {
        // One more than the longest name: it always ends with 0.
        var name = [CChar](repeating: 0, count: 65)
        let result = unsafe gethostname(&name, name.count - 1)
        return result == 0 ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "localhost"
    }
}
