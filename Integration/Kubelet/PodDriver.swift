internal import LinuxSys
internal import Messages
internal import TTRPC
internal import YAML

/// What every driver of one kubelet shares.
struct DriverSite: Sendable {
    let node: RuntimeNode
    let settings: Kubelet.Settings
    let report: Report
    let table: PodTable
    let account: Account
}

/// Drives one pod: does what its machine asks for and tells it how that went.
actor PodDriver {
    private(set) var machine: PodMachine
    nonisolated let manifest: PodManifest
    private let maps: [ConfigMap]
    private let places: PodPlaces
    private let site: DriverSite
    private var sandbox: String?
    private var address: String?
    private var logs: [String: LogFollower] = [:]
    private var finished: [CheckedContinuation<Void, Never>] = []
    /// Inputs come from many tasks; each is handled to its end before the next.
    private var inbox: [PodMachine.Input] = []
    private var isHandling = false
    private var pending: [Int: Task<Void, Never>] = [:]
    private var nextPending = 0
    private let begun = monotonicNanoseconds()
    private var isUp = false
    private var node: RuntimeNode { site.node }

    init(_ manifest: PodManifest, maps: [ConfigMap], _ site: DriverSite) {
        machine = PodMachine(manifest, backoff: site.settings.backoff)
        (self.manifest, self.maps, self.site) = (manifest, maps, site)
        places = PodPlaces(root: site.settings.root, pod: manifest)
    }

    /// Returns when the pod is gone from the node.
    func run() async -> Verdict {
        do throws(ManifestError) {
            try PodVolumes.prepare(manifest, maps: maps, places)
        } catch {
            site.report.line("pod/\(manifest.name) \(error)")
            return Verdict(mismatches: ["\(error)"])
        }
        await handle(.begin)
        if machine.stage != .finished { await withCheckedContinuation { finished.append($0) } }
        PodVolumes.remove(manifest, places, site.report)
        return Verdict(machine)
    }

    func stop() async { await handle(.stopRequested) }

    func exited(_ id: String, _ exit: PodMachine.Exit) async {
        guard machine.containers.contains(where: { $0.id == id }) else { return }
        await handle(.exited(id: id, exit))
    }

    /// Containers whose end may have been missed.
    var watched: [String] { machine.containers.filter { $0.phase == .running || $0.phase == .created }.compactMap(\.id) }

    func handle(_ input: PodMachine.Input) async {
        inbox.append(input)
        guard !isHandling else { return }
        isHandling = true
        while !inbox.isEmpty {
            for action in machine.handle(inbox.removeFirst()) { await perform(action) }
            note()
        }
        isHandling = false
    }

    private func perform(_ action: PodMachine.Action) async {
        switch action {
        case .report(let transition): await tell(transition)
        case .finished: finish()
        case .wait(let container, let delay): later(delay) { await self.handle(.backoffOver(container: container)) }
        case .deadline(let delay): later(delay) { await self.handle(.deadlineOver) }
        case .probe(let name, let id, let kind, let delay): later(delay) { await self.probe(name, id, kind) }
        case .hook(let name, let id, let kind, let limit): later(.zero) { await self.hook(name, id, kind, limit) }
        case .runSandbox: call("RunPodSandbox", nil) { try await self.runSandbox() }
        case .stopSandbox(let id):
            call("StopPodSandbox", nil) {
                try await self.node.stopSandbox(id)
                return .sandboxStopped
            }
        case .removeSandbox(let id):
            call("RemovePodSandbox", nil) {
                try await self.node.removeSandbox(id)
                return .sandboxRemoved
            }
        case .create(let name, let attempt): call("CreateContainer", name) { try await self.create(name, attempt) }
        case .start(let name, let id):
            call("StartContainer", name) {
                try await self.node.start(id)
                self.site.account.started(id)
                return .started(container: name)
            }
        case .stop(let name, let id, let grace):
            site.account.stopping(id)
            call("StopContainer", name) {
                try await self.node.stop(id, graceSeconds: grace)
                return .stopped(container: name)
            }
        case .remove(let name, let id, let last):
            call("RemoveContainer", name) {
                try await self.node.remove(id)
                return last ? .removed(container: name) : nil
            }
        }
    }

    private func call(
        _ name: String, _ container: String?, _ body: @escaping @Sendable () async throws -> PodMachine.Input?
    ) {
        Task {
            do {
                if let input = try await body() { await self.handle(input) }
            } catch {
                await self.handle(.failed(call: name, container: container, reason: oneLine("\(error)")))
            }
        }
    }

    /// Something that is given up when the pod is gone.
    private func later(_ delay: Duration, _ body: @escaping @Sendable () async -> Void) {
        nextPending += 1
        let number = nextPending
        pending[number] = Task {
            do { if delay > .zero { try await Task.sleep(for: delay) } } catch { return }
            await body()
            self.forget(number)
        }
    }

    private func forget(_ number: Int) { pending[number] = nil }

    private func finish() {
        for task in pending.values { task.cancel() }
        pending = [:]
        for waiter in finished { waiter.resume() }
        finished = []
    }
}

// The calls that are more than one line.
extension PodDriver {
    private func runSandbox() async throws(Status) -> PodMachine.Input {
        let id = try await node.runSandbox(manifest.sandboxConfig(places))
        site.account.made(sandbox: id)
        sandbox = id
        address = manifest.hostNetwork ? "127.0.0.1" : try await node.address(ofSandbox: id)
        return .sandboxReady(id)
    }

    private func create(_ name: String, _ attempt: UInt32) async throws(Status) -> PodMachine.Input {
        guard let container = manifest.container(name), let sandbox else { throw Status(.internal, "no container \(name)") }
        try await node.provide(container.image, container.pullPolicy)
        let resolved = container.resolved(in: manifest, maps: maps, address: address, nodeName: site.settings.nodeName)
        let config = manifest.containerConfig(resolved, attempt: attempt, places)
        let id = try await node.create(config, in: sandbox, manifest.sandboxConfig(places))
        site.account.made(container: id, name, attempt: attempt, pod: manifest.key)
        if site.settings.showsOutput {
            logs[name] = LogFollower(places.log(name, attempt: attempt), prefix: "pod/\(manifest.name) \(name)", site.report)
        }
        return .created(container: name, id: id)
    }

    private var prober: Prober { Prober(node: node, address: address) }

    private func isCurrent(_ name: String, _ id: String) -> Bool {
        machine.containers.contains { $0.name == name && $0.id == id && $0.phase == .running }
    }

    private func probe(_ name: String, _ id: String, _ kind: ProbeKind) async {
        guard isCurrent(name, id), let probe = manifest.container(name)?.probe(kind) else { return }
        let failure = await prober.failure(of: probe.check, in: id, limit: .seconds(probe.timeoutSeconds))
        await handle(.probed(container: name, id: id, kind, passed: failure == nil, message: failure ?? ""))
    }

    private func hook(_ name: String, _ id: String, _ kind: HookKind, _ limit: Duration) async {
        let lifecycle = manifest.container(name)?.lifecycle
        guard let check = kind == .postStart ? lifecycle?.postStart : lifecycle?.preStop else { return }
        let start = monotonicNanoseconds()
        let failure = await prober.failure(of: check, in: id, limit: limit)
        let took = Duration.nanoseconds(Int64(monotonicNanoseconds() - start))
        await handle(.hooked(container: name, id: id, kind, failure: failure, took: took))
    }

    private func tell(_ transition: PodMachine.Transition) async {
        // What a container has printed stands before the line of its end.
        if let name = transition.container, transition.to == "Exited" { await logs[name]?.finish() }
        guard site.settings.showsTransitions else { return }
        let subject = transition.container.map { "container \($0)" } ?? "sandbox"
        let detail = transition.detail.isEmpty ? "" : " (\(transition.detail))"
        site.report.line("pod/\(manifest.name) \(subject) \(transition.from) → \(transition.to)\(detail)")
    }

    /// Tells those who look what the pod is like now.
    private func note() {
        if !isUp, machine.isUp {
            isUp = true
            site.account.up(after: .nanoseconds(Int64(monotonicNanoseconds() - begun)))
        }
        let containers = machine.containers.map { container in
            PodTable.Container(
                name: container.name, id: container.id, state: container.phase.rawValue, isReady: container.isReady,
                restarts: container.restarts, exits: container.exits, log: places.log(container.name, attempt: UInt32(container.restarts)))
        }
        site.table.put(
            PodTable.Row(
                key: manifest.key, uid: manifest.uid, status: machine.status, ready: "\(machine.readyCount)/\(machine.counted.count)",
                restarts: machine.restarts, address: address, sandbox: sandbox, since: begun, containers: containers))
    }
}
