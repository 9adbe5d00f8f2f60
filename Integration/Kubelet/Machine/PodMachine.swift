/// One pod from its manifest to its removal, as a value: inputs are what the plugin answered and reported, outputs are
/// what to ask of it next. No clock, no I/O.
package struct PodMachine: Sendable {
    package enum Input: Equatable, Sendable {
        case begin
        case sandboxReady(String)
        case created(container: String, id: String)
        case started(container: String)
        /// From the event stream, or from a list asked for later. May come more than once.
        case exited(id: String, Exit)
        case backoffOver(container: String)
        /// What one check came to; `message` says why it failed.
        case probed(container: String, id: String, ProbeKind, passed: Bool, message: String)
        /// A hook ended; `failure` is nil when it went well.
        case hooked(container: String, id: String, HookKind, failure: String?, took: Duration)
        case deadlineOver
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
        /// Ask again with `deadlineOver` when that much time is over.
        case deadline(Duration)
        /// One check, that long from now.
        case probe(container: String, id: String, ProbeKind, after: Duration)
        /// `limit`: the hook is given up then.
        case hook(container: String, id: String, HookKind, limit: Duration)
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
        /// From its start to its end.
        package var ran: Duration
        package init(code: Int32, reason: String, ran: Duration = .zero) {
            self.code = code
            self.reason = reason
            self.ran = ran
        }
    }

    package enum Stage: Equatable, Sendable { case new, starting, running, stopping, removing, stoppingSandbox, removingSandbox, finished }

    package let manifest: PodManifest
    package let backoff: Backoff
    package internal(set) var stage = Stage.new
    package internal(set) var containers: [Container]
    /// What went wrong apart from exit codes.
    package internal(set) var failures: [String] = []
    /// Why the pod as a whole failed: `DeadlineExceeded`.
    package internal(set) var podFailure: String?
    /// Somebody outside wanted its end.
    package internal(set) var wasAskedToStop = false
    var sandbox: String?

    package init(_ manifest: PodManifest, backoff: Backoff) {
        self.manifest = manifest
        self.backoff = backoff
        containers =
            manifest.initContainers.map { Container(name: $0.name, role: $0.isSidecar ? .sidecar : .initial) }
            + manifest.containers.map { Container(name: $0.name, role: .main) }
    }

    package mutating func handle(_ input: Input) -> [Action] {
        switch input {
        case .begin: return begin()
        case .sandboxReady(let id): return sandboxReady(id)
        case .created(let name, let id): return created(name, id)
        case .started(let name): return started(name)
        case .exited(let id, let exit): return exited(id, exit)
        case .backoffOver(let name): return backoffOver(name)
        case .probed(let name, let id, let kind, let passed, let message): return probed(name, id, kind, passed, message)
        case .hooked(let name, let id, let kind, let failure, let took): return hooked(name, id, kind, failure, took)
        case .deadlineOver: return deadlineOver()
        case .failed(let call, let container, let reason): return failed(call, container, reason)
        case .stopRequested:
            wasAskedToStop = true
            return stopPod("asked to")
        case .stopped(let name): return stopAnswered(name)
        case .removed(let name): return removed(name)
        case .sandboxStopped: return sandboxStopped()
        case .sandboxRemoved: return sandboxRemoved()
        }
    }

    func index(_ name: String) -> Int? { containers.firstIndex { $0.name == name } }

    mutating func move(_ index: Int, to phase: Container.Phase, detail: String = "") -> Action {
        let from = containers[index].phase
        containers[index].phase = phase
        return report(containers[index].name, from.rawValue, phase.rawValue, detail: detail)
    }

    func report(_ container: String?, _ from: String, _ to: String, detail: String = "") -> Action {
        .report(Transition(container: container, from: from, to: to, detail: detail))
    }
}

package enum ProbeKind: String, Equatable, Sendable, CaseIterable { case startup, liveness, readiness }
package enum HookKind: String, Equatable, Sendable { case postStart, preStop }
