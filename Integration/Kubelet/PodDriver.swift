internal import Messages
internal import TTRPC

/// Drives one pod: does what its machine asks for and tells it how that went.
actor PodDriver {
    private var machine: PodMachine
    private let manifest: PodManifest
    private let places: PodPlaces
    private let node: RuntimeNode
    private let report: Report
    private var sandbox: String?
    private var logs: [String: LogFollower] = [:]
    private var finished: [CheckedContinuation<Void, Never>] = []
    /// Inputs come from many tasks; each is handled to its end before the next.
    private var inbox: [PodMachine.Input] = []
    private var isHandling = false

    init(_ manifest: PodManifest, node: RuntimeNode, root: String, backoff: Backoff, report: Report) {
        machine = PodMachine(manifest, backoff: backoff)
        (self.manifest, self.node, self.report) = (manifest, node, report)
        places = PodPlaces(root: root, pod: manifest)
    }

    /// Returns when the pod is gone from the node.
    func run() async -> Verdict {
        do throws(ManifestError) {
            try PodVolumes.prepare(manifest, places)
        } catch {
            report.line("pod/\(manifest.name) \(error)")
            return Verdict(mismatches: ["\(error)"])
        }
        await handle(.begin)
        if machine.stage != .finished { await withCheckedContinuation { finished.append($0) } }
        PodVolumes.remove(places, report)
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
        }
        isHandling = false
    }

    private func perform(_ action: PodMachine.Action) async {
        switch action {
        case .report(let transition): await tell(transition)
        case .finished:
            for waiter in finished { waiter.resume() }
            finished = []
        case .wait(let container, let delay):
            Task {
                try? await Task.sleep(for: delay)
                await self.handle(.backoffOver(container: container))
            }
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
                return .started(container: name)
            }
        case .stop(let name, let id, let grace):
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

    private func runSandbox() async throws(Status) -> PodMachine.Input {
        let id = try await node.runSandbox(manifest.sandboxConfig(places))
        sandbox = id
        return .sandboxReady(id)
    }

    private func create(_ name: String, _ attempt: UInt32) async throws(Status) -> PodMachine.Input {
        guard let container = manifest.container(name), let sandbox else { throw Status(.internal, "no container \(name)") }
        let config = manifest.containerConfig(container, attempt: attempt, places)
        let id = try await node.create(config, in: sandbox, manifest.sandboxConfig(places))
        logs[name] = LogFollower(places.log(name, attempt: attempt), prefix: "pod/\(manifest.name) \(name)", report)
        return .created(container: name, id: id)
    }

    private func tell(_ transition: PodMachine.Transition) async {
        // What a container has printed stands before the line of its end.
        if let name = transition.container, transition.to == "Exited" { await logs[name]?.finish() }
        let subject = transition.container.map { "container \($0)" } ?? "sandbox"
        let detail = transition.detail.isEmpty ? "" : " (\(transition.detail))"
        report.line("pod/\(manifest.name) \(subject) \(transition.from) → \(transition.to)\(detail)")
    }
}
