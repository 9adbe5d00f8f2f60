/// Events on their way to the orchestrator: one at a time, in order, each until it was taken.
///
/// A failed try waits and is made again; nothing is dropped. When `capacity` events wait, new work is refused (`isFull`),
/// while the events of what already runs still find room.
package struct Outbox<Event: Sendable>: Sendable {
    package enum Action: Equatable, Sendable {
        case nothing
        /// Send the first event now.
        case send
        /// Try again after this many nanoseconds.
        case wait(UInt64)
    }

    private enum State: Sendable { case idle, sending, waiting }

    package static var shortestWait: UInt64 { 100_000_000 }
    package static var longestWait: UInt64 { 5_000_000_000 }

    private var queue: [Event] = []
    private var state = State.idle
    private var wait = Outbox.shortestWait
    private let capacity: Int

    package init(capacity: Int = 512) { self.capacity = capacity }

    package var first: Event? { queue.first }
    package var isEmpty: Bool { queue.isEmpty }
    package var count: Int { queue.count }
    package var isFull: Bool { queue.count >= capacity }

    package mutating func put(_ event: Event) -> Action {
        queue.append(event)
        guard case .idle = state else { return .nothing }
        state = .sending
        return .send
    }

    /// The first event was taken by the other side.
    package mutating func sent() -> Action {
        guard case .sending = state else { return .nothing }
        queue.removeFirst()
        wait = Self.shortestWait
        guard !queue.isEmpty else {
            queue = []  // gives the memory back
            state = .idle
            return .nothing
        }
        return .send
    }

    package mutating func failed() -> Action {
        guard case .sending = state else { return .nothing }
        state = .waiting
        defer { wait = min(wait * 2, Self.longestWait) }
        return .wait(wait)
    }

    /// Tries now, and soon again: who sends is about to end.
    package mutating func hurry() -> Action {
        wait = Self.shortestWait
        return retry()
    }

    /// The wait is over.
    package mutating func retry() -> Action {
        guard case .waiting = state else { return .nothing }
        state = .sending
        return .send
    }
}
