internal import Images
internal import LinuxSys
internal import Logging
internal import Messages

/// Every pod and container by id, and the names that are taken.
actor Registry {
    let site: Site
    var pods: [String: PodActor] = [:]
    var containers: [String: ContainerActor] = [:]
    /// Names of pods and containers (CRI wants them unique with their attempt) and the id that holds each.
    var names: [String: String] = [:]

    init(_ site: Site) { self.site = site }

    func pod(_ id: String) throws(PluginError) -> PodActor { try Identifier.find(id, in: pods, .pod) }
    func container(_ id: String) throws(PluginError) -> ContainerActor { try Identifier.find(id, in: containers, .container) }
    var allContainers: [ContainerActor] { Array(containers.values) }

    var podIDs: Set<String> { Set(pods.keys) }

    func add(_ pod: PodActor) { pods[pod.id] = pod }
    func add(_ container: ContainerActor) { containers[container.id] = container }

    func reserve(_ name: String, for id: String, _ kind: PluginError.Kind) throws(PluginError) {
        guard names[name] == nil else { throw .taken(kind, quoted(name)) }
        names[name] = id
    }

    /// Forgets a container and frees its name.
    func forget(container id: String) {
        containers[id] = nil
        names = names.filter { $0.value != id }
    }

    func forget(pod id: String) {
        pods[id] = nil
        names = names.filter { $0.value != id }
    }
}

// After a restart of swiftletd.
extension Registry {
    /// Takes up every pod and container of the store. Those of `swiftlet run` are in no pod and not ours.
    func load() async throws(PluginError) -> [ContainerActor] {
        let store = site.store
        let (podRecords, containerRecords, last) = try await offPool {
            (try store.pods(), try store.containers(), try store.eventBounds().last)
        }
        site.board.resume(after: last)
        for record in podRecords {
            do {
                let memory = try PodMemory(record.extra)
                let plan = try SandboxPlan(memory.config, site.abilities)
                names[plan.key] = record.id
                pods[record.id] = PodActor(record, memory, plan: plan, site: site)
            } catch {
                site.logger.error("read pod sandbox \(record.id): \(error)")
            }
        }
        for record in containerRecords {
            guard let pod = record.sandbox, pods[pod] != nil else { continue }
            do {
                let memory = try ContainerMemory(record.extra)
                names["\(pod)/\(record.name)/\(record.attempt)"] = record.id
                containers[record.id] = ContainerActor(record, memory, site: site)
            } catch {
                site.logger.error("read container \(record.id): \(error)")
            }
        }
        return Array(containers.values)
    }

    /// What a swiftletd that was killed left of pods that no record knows, and of execs and checkpoints under way.
    func sweep() async throws(PluginError) {
        let (state, store, logger) = (site.settings.state, site.store, site.logger)
        try await offPool {
            let known = Set(try store.pods().map(\.id))
            for directory in ["exec", "checkpoints"] { try Directory.removeTree("\(state)/\(directory)") }
            for id in try Directory.names(in: "\(state)/pods") where !known.contains(id) {
                logger.warning("pod sandbox \(id) was half made when swiftletd ended: removed")
                let paths = SandboxPaths(state: state, id: id)
                try SandboxFiles.release(paths)
                try Directory.removeTree(paths.directory)
            }
        }
    }

    private static let patience: Duration = .seconds(1)

    /// Reconnects to all shims at once. One that does not answer holds nobody up: after a second the rest is served without it, and
    /// what changes its container waits for it.
    func recover(_ found: [ContainerActor]) async {
        let (answers, answered) = AsyncStream.makeStream(of: Void.self)
        for container in found {
            Task {
                if await !container.recover() { await drop(container) }
                answered.yield()
            }
        }
        let alarm = Task {
            try await Task.sleep(for: Self.patience)
            answered.finish()
        }
        var left = found.count
        var answer = answers.makeAsyncIterator()
        while left > 0, await answer.next() != nil { left -= 1 }
        alarm.cancel()
        if left > 0 { site.logger.warning("\(left) containers: their shims have not answered within a second; the others are served") }
        for pod in Array(pods.values) { await pod.recover(Array(containers.values.filter { $0.pod == pod.id })) }
    }

    private func drop(_ container: ContainerActor) async {
        forget(container: container.id)
        await pods[container.pod]?.drop(container)
    }
}
