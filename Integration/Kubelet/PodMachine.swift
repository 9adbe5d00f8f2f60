/// One pod from its manifest to its removal, as a value: inputs are what the plugin answered and reported, outputs are
/// what to ask of it next. No clock, no I/O.
package struct PodMachine: Sendable {
    package enum Input: Equatable, Sendable {
        case begin
        case sandboxReady(String)
        case created(container: String, id: String)
        case started(container: String)
        /// From the event stream, or from a status asked for after the stream broke. May come more than once.
        case exited(id: String, Exit)
        case backoffOver(container: String)
        /// A call that failed for good.
        case failed(call: String, container: String?, reason: String)
        case stopRequested
        case stopped(container: String)
        case removed(container: String)
        case sandboxStopped
        case sandboxRemoved
    }

    package enum Action: Equatable, Sendable {
        case runSandbox
        case create(container: String, attempt: UInt32)
        case start(container: String, id: String)
        case wait(container: String, Duration)
        case stop(container: String, id: String, graceSeconds: Int64)
        /// `last`: the machine waits for the answer before the sandbox goes; otherwise it is a past attempt.
        case remove(container: String, id: String, last: Bool)
        case stopSandbox(String)
        case removeSandbox(String)
        case report(Transition)
        case finished
    }

    /// What is said on a line: `container app Created → Running`.
    package struct Transition: Equatable, Sendable {
        package var container: String?
        package var from: String
        package var to: String
        package var detail = ""
    }

    package struct Exit: Equatable, Sendable {
        package var code: Int32
        /// `Completed`, `Error`, `OOMKilled`, …
        package var reason: String
        package init(code: Int32, reason: String) {
            self.code = code
            self.reason = reason
        }
    }

    package enum Stage: Equatable, Sendable { case new, starting, running, stopping, removing, stoppingSandbox, removingSandbox, finished }

    package struct Container: Equatable, Sendable {
        package enum Phase: String, Sendable {
            case waiting = "Waiting", creating = "Creating", created = "Created", running = "Running", backoff = "BackOff", exited =
                "Exited"
        }
        package var name: String
        package var isInit: Bool
        package var phase = Phase.waiting
        /// Of the latest attempt.
        package var id: String?
        package var restarts = 0
        package var exit: Exit?
        /// The exit came after the kubelet had asked for it.
        package var wasStopped = false
        /// StartContainer was called for the latest attempt.
        var startAsked = false
        var removalPending = false
    }

    package let manifest: PodManifest
    package let backoff: Backoff
    package internal(set) var stage = Stage.new
    package internal(set) var containers: [Container]
    /// What went wrong apart from exit codes.
    package internal(set) var failures: [String] = []
    var sandbox: String?

    package init(_ manifest: PodManifest, backoff: Backoff) {
        self.manifest = manifest
        self.backoff = backoff
        containers =
            manifest.initContainers.map { Container(name: $0.name, isInit: true) }
            + manifest.containers.map { Container(name: $0.name, isInit: false) }
    }

    package mutating func handle(_ input: Input) -> [Action] {
        switch input {
        case .begin: return begin()
        case .sandboxReady(let id): return sandboxReady(id)
        case .created(let name, let id): return created(name, id)
        case .started(let name): return started(name)
        case .exited(let id, let exit): return exited(id, exit)
        case .backoffOver(let name): return backoffOver(name)
        case .failed(let call, let container, let reason): return failed(call, container, reason)
        case .stopRequested: return stopPod("asked to")
        case .stopped(let name): return stopAnswered(name)
        case .removed(let name): return removed(name)
        case .sandboxStopped: return sandboxStopped()
        case .sandboxRemoved: return sandboxRemoved()
        }
    }
}

extension PodMachine {
    private mutating func begin() -> [Action] {
        guard stage == .new else { return [] }
        stage = .starting
        return [.runSandbox, report(nil, "Pending", "SandboxCreating")]
    }

    private mutating func sandboxReady(_ id: String) -> [Action] {
        sandbox = id
        if stage == .stopping { return advanceStop() }
        stage = .running
        return [report(nil, "SandboxCreating", "SandboxReady")] + startNext()
    }

    /// Init containers one after the other, then the rest together.
    private mutating func startNext() -> [Action] {
        if let index = containers.firstIndex(where: { $0.isInit && !($0.phase == .exited && $0.exit?.code == 0) }) {
            return containers[index].phase == .waiting ? create(index) : []
        }
        return containers.indices.filter { !containers[$0].isInit && containers[$0].phase == .waiting }.flatMap { create($0) }
    }

    private mutating func create(_ index: Int) -> [Action] {
        let old = containers[index].id
        let moved = move(index, to: .creating)
        containers[index].id = nil
        containers[index].startAsked = false
        let call = Action.create(container: containers[index].name, attempt: UInt32(containers[index].restarts))
        // The log and status of an attempt are kept until there is a next one.
        return [moved] + (old.map { [.remove(container: containers[index].name, id: $0, last: false)] } ?? []) + [call]
    }

    private mutating func created(_ name: String, _ id: String) -> [Action] {
        guard let index = index(name), containers[index].phase == .creating else { return [] }
        containers[index].id = id
        let moved = move(index, to: .created)
        if stage != .running { return [moved] + advanceStop() }
        containers[index].startAsked = true
        return [moved, .start(container: name, id: id)]
    }

    private mutating func started(_ name: String) -> [Action] {
        // An exit that overtook this answer has moved on already.
        guard let index = index(name), containers[index].phase == .created else { return [] }
        return [move(index, to: .running)]
    }

    private mutating func exited(_ id: String, _ exit: Exit) -> [Action] {
        guard let index = containers.firstIndex(where: { $0.id == id }) else { return [] }
        var actions: [Action] = []
        switch containers[index].phase {
        case .created: actions.append(move(index, to: .running))
        case .running: break
        case .waiting, .creating, .backoff, .exited: return []
        }
        containers[index].exit = exit
        containers[index].wasStopped = stage == .stopping
        actions.append(move(index, to: .exited, detail: "exit code \(exit.code), \(exit.reason)"))
        return actions + (stage == .running ? afterExit(index, exit) : advanceStop())
    }

    private mutating func afterExit(_ index: Int, _ exit: Exit) -> [Action] {
        let container = containers[index]
        if restarts(container, after: exit) {
            containers[index].restarts += 1
            let delay = backoff.delay(beforeRestart: containers[index].restarts)
            return [
                move(index, to: .backoff, detail: "restart \(containers[index].restarts) in \(delay)"),
                .wait(container: container.name, delay),
            ]
        }
        if container.isInit && exit.code != 0 { return stopPod("init container \(container.name) failed") }
        if manifest.expectations.stopAfter == container.name { return stopPod("container \(container.name) is done") }
        if containers.allSatisfy({ $0.phase == .exited }) { return stopPod("all containers are done") }
        return container.isInit ? startNext() : []
    }

    /// The restart policy (Kubernetes API, PodSpec.restartPolicy). An expected number of restarts is where Always ends.
    private func restarts(_ container: Container, after exit: Exit) -> Bool {
        if let limit = manifest.expectations.restarts[container.name], container.restarts >= limit { return false }
        switch manifest.restartPolicy {
        case .never: return false
        case .onFailure: return exit.code != 0
        case .always: return !container.isInit || exit.code != 0
        }
    }

    private mutating func backoffOver(_ name: String) -> [Action] {
        guard let index = index(name), containers[index].phase == .backoff, stage == .running else { return [] }
        return create(index)
    }

    func index(_ name: String) -> Int? { containers.firstIndex { $0.name == name } }

    mutating func move(_ index: Int, to phase: Container.Phase, detail: String = "") -> Action {
        let from = containers[index].phase
        containers[index].phase = phase
        return .report(Transition(container: containers[index].name, from: from.rawValue, to: phase.rawValue, detail: detail))
    }

    func report(_ container: String?, _ from: String, _ to: String, detail: String = "") -> Action {
        .report(Transition(container: container, from: from, to: to, detail: detail))
    }
}
