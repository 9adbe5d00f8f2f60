internal import Synchronization

/// What became of every container, to be compared at the end: one that was started has one exit, told once and for all.
package final class Account: Sendable {
    package enum Source: String, Sendable { case event, list }

    struct Entry: Equatable, Sendable {
        var pod: String
        var name: String
        var attempt: UInt32
        var isStarted = false
        /// Its end was asked for.
        var isStopped = false
        var exit: PodMachine.Exit?
        /// Who told it first.
        var source: Source?
    }

    private struct State {
        var containers: [String: Entry] = [:]
        var sandboxes: [String] = []
        var starts: [Duration] = []
        /// An exit that came again with another code.
        var contradictions: [String] = []
    }

    private let state = Mutex(State())

    package init() {}

    func made(sandbox id: String) { state.withLock { $0.sandboxes.append(id) } }

    func made(container id: String, _ name: String, attempt: UInt32, pod: String) {
        state.withLock { $0.containers[id] = Entry(pod: pod, name: name, attempt: attempt) }
    }

    func started(_ id: String) { state.withLock { $0.containers[id]?.isStarted = true } }

    func stopping(_ id: String) { state.withLock { $0.containers[id]?.isStopped = true } }

    func ended(_ id: String, _ exit: PodMachine.Exit, _ source: Source) {
        state.withLock { state in
            guard let entry = state.containers[id] else { return }
            if let known = entry.exit {
                guard known.code != exit.code else { return }
                state.contradictions.append("container \(id) of \(entry.pod) ended with \(known.code) and with \(exit.code)")
            } else {
                state.containers[id]?.exit = exit
                state.containers[id]?.source = source
            }
        }
    }

    /// From the moment that a pod was wanted until every container that stays ran.
    func up(after time: Duration) { state.withLock { $0.starts.append(time) } }

    /// Ids that no process, mount or cgroup may carry once everything is gone.
    package var ids: Set<String> { state.withLock { Set($0.sandboxes).union($0.containers.keys) } }

    package var startTimes: [Duration] { state.withLock { $0.starts } }

    /// Containers that are not the first of their name in their pod.
    package var restarts: Int { state.withLock { $0.containers.values.count { $0.attempt > 0 } } }

    /// A line for each container that the load generator started and that cannot have ended so.
    var implausible: [String] {
        state.withLock { state in
            state.containers.compactMap { id, entry in
                guard let exit = entry.exit, let number = Int(entry.pod.drop { $0 != "-" }.dropFirst()) else { return nil }
                // Removed before it was started: killed at its gate.
                let isPossible =
                    entry.isStarted
                    ? LoadCheck.isPossible(exit.code, of: entry.name, number: number, wasStopped: entry.isStopped) : exit.code == 137
                return isPossible ? nil : "container \(id) (\(entry.name) of \(entry.pod)): \(exit.code), \(exit.reason)"
            }.sorted()
        }
    }

    package struct Summary: Equatable, Sendable {
        package var pods = 0
        package var created = 0
        package var started = 0
        package var toldByEvent = 0
        package var foundByList = 0
        /// Exit codes and how often each came.
        package var codes: [Int32: Int] = [:]
        /// One line for each container that was started and of which no end is known, or two.
        package var problems: [String] = []
    }

    package var summary: Summary {
        state.withLock { state in
            var summary = Summary()
            summary.pods = state.sandboxes.count
            summary.created = state.containers.count
            summary.problems = state.contradictions
            for (id, entry) in state.containers {
                if entry.isStarted { summary.started += 1 }
                switch entry.source {
                case .event: summary.toldByEvent += 1
                case .list: summary.foundByList += 1
                case nil:
                    if entry.isStarted { summary.problems.append("container \(id) (\(entry.name) of \(entry.pod)): started, no exit told") }
                }
                if let exit = entry.exit { summary.codes[exit.code, default: 0] += 1 }
            }
            summary.problems.sort()
            return summary
        }
    }
}

extension Account.Summary {
    package var lines: [String] {
        let codes = codes.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value)×)" }.joined(separator: ", ")
        return [
            "\(pods) pods, \(created) containers, \(started) started",
            "exits: \(toldByEvent) told by events, \(foundByList) found by listing, \(problems.count) not accounted for",
            "exit codes: \(codes.isEmpty ? "none" : codes)",
        ] + problems.map { "  \($0)" }
    }
}
