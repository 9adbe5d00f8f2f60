internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import TTRPC

/// One container of a pod. Calls on it run in their order; its exit may come at any time between.
actor ContainerActor {
    nonisolated let id: String
    nonisolated let pod: String
    let site: Site
    let order = Order()
    var record: ContainerRecord
    var memory: ContainerMemory
    var shim: ShimLink?
    /// Removed, or never made.
    var isGone = false
    var sawOutOfMemory = false
    /// Changes that are not told yet, in their order.
    var untold: [ContainerLife.Event] = []
    var isTelling = false
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    var nextWaiter = 0

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
            let root = try await prepare(plan, image: image, identity: identity)
            let shim = try await ShimLink.launch(id, bundle: record.bundle, site.shim)
            self.shim = shim
            memory.socket = shim.socket
            try await save()
            try await shim.create(
                bundle: record.bundle, root: root, terminal: plan.request.terminal,
                stdin: memory.config.stdin ? "\(record.bundle)/\(AttachFiles.directory)/stdin" : "", log: plan.logPath)
            memory.isComplete = true
            try await save()
        } catch {
            await undoCreate()
            throw error
        }
        show(.containerCreatedEvent)
        watch()
    }

    private func prepare(_ plan: ContainerPlan, image: ImageRecord, identity: ContainerIdentity) async throws(PluginError) -> ContainerRoot
    {
        let (store, id, bundle, stdin) = (site.store, id, record.bundle, memory.config.stdin)
        return try await offPool {
            if !plan.logPath.isEmpty { try Directory.make(Directory.parent(of: plan.logPath), mode: 0o755) }
            try Directory.make(Directory.parent(of: bundle), mode: 0o700)
            let root = try store.prepare(container: id, image: image, identity: identity)
            try plan.request.write(to: bundle, root: root)
            try BundleAmendments.add(plan.devices, to: bundle)
            try AttachFiles.prepare(bundle: bundle, stdin: stdin)
            return root
        }
    }

    private func undoCreate() async {
        if let shim {
            try? await shim.kill(SIGKILL, all: true)
            try? await shim.delete()
            try? await shim.shutdown()
            await shim.disconnect()
            self.shim = nil
        }
        do { try await forget() } catch { site.logger.error("undo create of container \(id): \(error)") }
    }

    /// What is on disk of it.
    func forget() async throws(PluginError) {
        isGone = true
        let (store, id, bundle) = (site.store, id, record.bundle)
        try await offPool {
            try store.discard(container: id)
            try Directory.removeTree(bundle)
            try store.remove(container: id)
        }
    }

    // MARK: Start

    func start() async throws { try await order.run { try await self.startInOrder() } }

    private func startInOrder() async throws(PluginError) {
        guard !isGone else { throw .notFound(.container, id) }
        guard let shim, memory.life.startAsked() else { throw .wrongState(.container, id, wanted: "created", found: memory.life.name) }
        do throws(PluginError) {
            try await shim.start()
        } catch {
            await apply(memory.life.startFailed(error.description, at: realtimeNanoseconds()))
            throw error
        }
        await apply(memory.life.startAnswered(at: realtimeNanoseconds()))
    }
}
