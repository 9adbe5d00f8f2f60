internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import OCI
internal import TTRPC

/// One container of a pod. Calls on it run in their order; its exit may come at any time between.
actor ContainerActor {
    nonisolated let id: String
    nonisolated let pod: String
    let site: Site
    let order = Order()
    /// Of the writes to the store.
    let saves = Order()
    var record: ContainerRecord
    var memory: ContainerMemory
    var shim: ShimLink?
    /// What execs are made of, once one was.
    var execTemplate: JSONObject?
    /// Removed, or never made.
    var isGone = false
    var sawOutOfMemory = false
    /// Changes that are not told yet, in their order.
    var untold: [ContainerLife.Event] = []
    var isTelling = false
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    var nextWaiter = 0
    /// Of what it uses, for the next look.
    var cpuRate = CPURate()
    var lastCount: (time: UInt64, usage: TreeUsage)?

    init(_ record: ContainerRecord, _ memory: ContainerMemory, site: Site) {
        (id, pod) = (record.id, record.sandbox ?? "")
        (self.record, self.memory, self.site) = (record, memory, site)
    }

    // MARK: Create

    /// Brings the container to the state created, or leaves nothing of it.
    func create(_ plan: ContainerPlan, image: ImageRecord, identity: ContainerIdentity) async throws {
        try await order.run { try await self.createInOrder(plan, image: image, identity: identity) }
    }

    private func createInOrder(_ plan: ContainerPlan, image: ImageRecord, identity: ContainerIdentity) async throws {
        do {
            try await save()
            let (root, shim) = try await prepareAndLaunch(plan, image: image, identity: identity)
            try await shim.create(
                bundle: record.bundle, root: root, terminal: plan.request.terminal,
                stdin: memory.config.stdin ? "\(record.bundle)/\(AttachFiles.directory)/stdin" : "", log: plan.logPath,
                options: plan.runtimeOptions)
            memory.isComplete = true
            try await saves.run { try await self.saveNow(telling: .containerCreatedEvent) }
        } catch {
            await undoCreate()
            throw error
        }
        watch()
    }

    /// The shim starts while its bundle is filled: until Create it reads nothing there. Its address stands in the bundle, so that a
    /// swiftletd that dies now leaves word of it.
    private func prepareAndLaunch(
        _ plan: ContainerPlan, image: ImageRecord, identity: ContainerIdentity
    ) async throws -> (ContainerRoot, ShimLink) {
        let (id, bundle, settings) = (id, record.bundle, site.shim)
        try await offPool { try Directory.make(bundle, mode: 0o700) }
        let launch = Task { try await ShimLink.launch(id, bundle: bundle, settings) }
        let root: Result<ContainerRoot, PluginError>
        do throws(PluginError) { root = .success(try await prepare(plan, image: image, identity: identity)) } catch {
            root = .failure(error)
        }
        // Whatever became of the bundle: a shim that runs is known.
        let started = await launch.result
        shim = try? started.get()
        let (made, link) = (try root.get(), try started.get())
        memory.socket = link.socket
        return (made, link)
    }

    private func prepare(_ plan: ContainerPlan, image: ImageRecord, identity: ContainerIdentity) async throws(PluginError) -> ContainerRoot
    {
        let (store, id, bundle, pod, settings, stdin) = (site.store, id, record.bundle, pod, site.settings, memory.config.stdin)
        let (root, user) = try await offPool { () throws -> (ContainerRoot, ContainerUser) in
            var request = plan.request
            let edits =
                plan.cdiDevices.isEmpty ? CDIEdits() : try CDIRegistry(directories: settings.cdiDirectories).edits(for: plan.cdiDevices)
            for volume in plan.imageVolumes {
                request.binds[volume.bind].source = try ImageVolumes.source(
                    volume, SandboxPaths(state: settings.state, id: pod), pod: pod, store)
            }
            if !plan.logPath.isEmpty { try Directory.make(Directory.parent(of: plan.logPath), mode: 0o755) }
            var root = try store.prepare(container: id, image: image, identity: identity)
            let document = try request.write(to: bundle, root: root)
            try request.idMap.adopt(&root)
            let user = try BundleAmendments.add(plan.devices, edits, to: document, of: bundle)
            try AttachFiles.prepare(bundle: bundle, stdin: stdin)
            return (root, user)
        }
        memory.user = user
        return root
    }

    private func undoCreate() async {
        if let shim {
            try? await shim.kill(SIGKILL, all: true)
            try? await shim.delete()
            try? await shim.shutdown()
            await shim.disconnect()
            self.shim = nil
        }
        do { try await forget(telling: site.board.container(id) != nil) } catch {
            site.logger.error("undo create of container \(id): \(error)")
        }
    }

    /// What is on disk of it, its record last. `telling`: as of a container that others have known.
    func forget(telling: Bool) async throws(PluginError) {
        isGone = true
        do throws(PluginError) {
            try await removeAll(telling: telling)
        } catch {
            // Whoever asks again finds it again.
            isGone = false
            throw error
        }
    }

    private func removeAll(telling: Bool) async throws(PluginError) {
        let (site, id, bundle, entry) = (site, id, record.bundle, entry)
        try await offPool {
            try site.store.discard(container: id)
            try Directory.removeTree(bundle)
            guard telling else { return try site.store.remove(container: id) }
            try site.board.put(entry, telling: .containerDeletedEvent) { (stored) throws(ImageError) in
                try site.store.remove(container: id, event: stored)
            }
        }
    }

    // MARK: Start

    func start() async throws { try await order.run { try await self.startInOrder() } }

    private func startInOrder() async throws(PluginError) {
        guard !isGone else { throw .notFound(.container, id) }
        guard let shim, memory.life.startAsked() else { throw .wrongState(.container, id, wanted: "created", found: memory.life.name) }
        // Written first: a swiftletd that is killed now knows that this may run.
        do throws(PluginError) { try await save() } catch {
            memory.life = .created
            throw error
        }
        do throws(PluginError) {
            try await shim.start()
        } catch {
            await apply(memory.life.startFailed(error.description, at: realtimeNanoseconds()))
            throw error
        }
        await apply(memory.life.startAnswered(at: realtimeNanoseconds()))
    }
}
