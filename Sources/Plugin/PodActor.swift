internal import Images
internal import LinuxSys
internal import Logging
internal import Messages

/// One pod sandbox: its namespaces, and the containers in it. Calls that change which containers there are run in order.
actor PodActor {
    nonisolated let id: String
    let site: Site
    let plan: SandboxPlan
    let paths: SandboxPaths
    nonisolated let runtimeHandler: String
    private let order = Order()
    private var record: PodRecord
    var memory: PodMemory
    private var members: [ContainerActor] = []
    private var isGone = false

    init(_ record: PodRecord, _ memory: PodMemory, plan: SandboxPlan, site: Site) {
        id = record.id
        runtimeHandler = memory.runtimeHandler
        paths = SandboxPaths(state: site.settings.state, id: record.id)
        (self.record, self.memory, self.plan, self.site) = (record, memory, plan, site)
    }

    /// Makes the namespaces and remembers the pod, or leaves nothing of it.
    func run() async throws {
        let (plan, paths, holder) = (plan, paths, site.settings.shim)
        do {
            try await offPool { try SandboxFiles.make(plan, paths, holder: holder) }
            try await joinNetwork()
            memory.isReady = true
            try await save()
        } catch {
            do {
                try await leaveNetwork()
                try await removeFiles()
            } catch { site.logger.error("undo pod sandbox \(id): \(error)") }
            throw error
        }
        show()
    }

    /// After a restart of swiftletd: true when the namespaces are still there.
    func recover(_ containers: [ContainerActor]) async {
        members = containers
        await look()
        show()
    }

    /// The process that holds a pid namespace together may be killed by anybody.
    func check() async { if plan.pid == .pod { await look() } }

    /// Not ready any more when what the kernel kept of it is gone.
    private func look() async {
        let (plan, paths) = (plan, paths)
        let isWhole = (try? await offPool { SandboxFiles.areWhole(plan, paths) }) ?? false
        if memory.isReady && !isWhole {
            memory.isReady = false
            do throws(PluginError) { try await save() } catch { site.logger.error("pod sandbox \(id): \(error)") }
            site.logger.warning("pod sandbox \(id): its namespaces are gone")
            show()
        }
    }

    /// Runs `body` if the sandbox is ready, before any later stop of it.
    func add(_ container: ContainerActor, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await order.run {
            try await self.requireReady()
            try await body()
            await self.keep(container)
        }
    }

    func requireReady() async throws(PluginError) {
        guard !isGone else { throw .notFound(.pod, id) }
        await check()
        guard memory.isReady else { throw .wrongState(.pod, id, wanted: "ready", found: "not ready") }
    }

    private func keep(_ container: ContainerActor) { members.append(container) }

    func drop(_ container: ContainerActor) { members.removeAll { $0.id == container.id } }

    var containers: [ContainerActor] { members }

    /// Ends every container, then takes the namespaces down. Idempotent.
    func stop() async throws { try await order.run { try await self.stopInOrder() } }

    private func stopInOrder() async throws {
        guard !isGone else { return }
        let members = members
        try await withThrowingTaskGroup(of: Void.self) { group in
            for container in members { group.addTask { try await container.stop(grace: .zero) } }
            try await group.waitForAll()
        }
        try await leaveNetwork()
        let paths = paths
        try await offPool { try SandboxFiles.release(paths) }
        guard memory.isReady else { return }
        memory.isReady = false
        try await save()
        show()
    }

    /// Stops it, removes its containers and itself. Idempotent. Returns the containers that went with it.
    func remove() async throws -> [String] { try await order.run { try await self.removeInOrder() } }

    private func removeInOrder() async throws -> [String] {
        guard !isGone else { return [] }
        try await stopInOrder()
        let gone = members.map(\.id)
        for container in members { try await container.remove() }
        members = []
        try await removeFiles()
        site.board.removePod(id)
        isGone = true
        return gone
    }

    private func removeFiles() async throws(PluginError) {
        let (paths, store, id) = (paths, site.store, id)
        try await offPool {
            try SandboxFiles.release(paths)
            try Directory.removeTree(paths.directory)
            try ImageVolumes.release(pod: id, store)
            try store.remove(pod: id)
        }
    }

    /// What is known of its resources; nil leaves it.
    func update(overhead: Runtime_V1_LinuxContainerResources?, resources: Runtime_V1_LinuxContainerResources?) async throws {
        try await order.run { try await self.updateInOrder(overhead, resources) }
    }

    private func updateInOrder(
        _ overhead: Runtime_V1_LinuxContainerResources?, _ resources: Runtime_V1_LinuxContainerResources?
    ) async throws(PluginError) {
        guard !isGone else { throw .notFound(.pod, id) }
        if let overhead { memory.config.linux.overhead = overhead }
        if let resources { memory.config.linux.resources = resources }
        try await save()
    }

    private func save() async throws(PluginError) {
        do { record.extra = try memory.json() } catch { throw .document(subject: "pod sandbox \(id)", reason: "\(error)") }
        let (store, record) = (site.store, record)
        try await offPool { try store.save(record) }
    }

    private func show() { site.board.put(Runtime_V1_PodSandboxStatus(record, memory)) }
}
