/// The order in which one container's events leave: create, start, exec-added, exec-started, exec-exit, oom, init exit, delete.
///
/// What comes too early is held until what it follows has gone: an exit until its own start, the init exit until every started
/// exec's exit, the delete until the init exit. Nothing is ever dropped, except an OOM after the exit it should have preceded.
package struct EventOrder<Event: Sendable>: Sendable {
    package enum Kind: Hashable, Sendable {
        case create, start, oom, initExit, delete
        case execAdded(String), execStarted(String), execExit(String)
        /// Pause, resume: after start, before the init exit.
        case other
    }

    private var held: [(kind: Kind, event: Event)] = []
    private var created = false
    private var initExited = false
    /// Start was called and its event is still to come.
    private var startPending = false
    /// Execs that are starting or have started and whose exit has not gone.
    private var open: [String: Bool] = [:]

    package init() {}

    /// True when every event that was put in has left.
    package var isEmpty: Bool { held.isEmpty }
    /// Of events that wait for others.
    package var count: Int { held.count }

    /// Init's start is under way: its exit waits for it.
    package mutating func starting() { startPending = true }
    /// An exec's start is under way: its exit, and init's, wait for it.
    package mutating func starting(exec: String) { open[exec] = false }
    /// A start that failed: no event of it will come. Returns what it had held up.
    package mutating func startFailed(exec: String?) -> [Event] {
        if let exec { open[exec] = nil } else { startPending = false }
        return release()
    }

    /// Takes one event; returns those that may leave now, in order.
    package mutating func put(_ kind: Kind, _ event: Event) -> [Event] {
        held.append((kind, event))
        return release()
    }

    private mutating func release() -> [Event] {
        var out: [Event] = []
        while let place = held.firstIndex(where: { mayLeave($0.kind) }) {
            let (kind, event) = held.remove(at: place)
            if kind == .oom && initExited { continue }
            left(kind)
            out.append(event)
        }
        return out
    }

    private func mayLeave(_ kind: Kind) -> Bool {
        switch kind {
        case .create: true
        case .start, .oom, .execAdded, .execStarted, .other: created
        case .execExit(let id): open[id] == true
        case .initExit: created && !startPending && open.isEmpty
        case .delete: initExited
        }
    }

    private mutating func left(_ kind: Kind) {
        switch kind {
        case .create: created = true
        case .start: startPending = false
        case .execStarted(let id): open[id] = true
        case .execExit(let id): open[id] = nil
        case .initExit: initExited = true
        case .oom, .delete, .execAdded, .other: break
        }
    }
}
