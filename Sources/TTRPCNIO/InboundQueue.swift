import Synchronization
package import TTRPC

/// The messages of a stream that its reader has not taken yet.
///
/// ttrpc cannot slow down one stream of a connection: while a queue is full nothing is read from its connection, whatever else is on it.
/// A stream of much data wants a connection of its own.
package final class InboundQueue<Element: Sendable>: Sendable {
    /// Bytes from which on the connection is not read.
    package static var highWater: Int { 1 << 20 }

    private struct State {
        var messages: [(element: Element?, bytes: Int)] = []
        var first = 0
        var bytes = 0
        var end: Result<Void, Status>?
        var waiter: CheckedContinuation<Result<Element?, Status>, Never>?

        /// What the next reader gets; nil: it waits.
        mutating func take() -> Result<Element?, Status>? {
            if first < messages.count {
                let message = messages[first]
                messages[first].element = nil
                first += 1
                bytes -= message.bytes
                if first == messages.count { (messages, first) = ([], 0) }
                return .success(message.element)
            }
            return end.map { $0.map { nil } }
        }
    }

    private let state = Mutex(State())
    /// Called when a full queue has room again.
    private let onRoom: @Sendable () -> Void

    package init(onRoom: @escaping @Sendable () -> Void) { self.onRoom = onRoom }

    package var isFull: Bool { state.withLock { $0.bytes >= Self.highWater } }

    /// `bytes` is what it counts for.
    package func push(_ message: Element, bytes: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Result<Element?, Status>, Never>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.messages.append((message, bytes))
            state.bytes += bytes
            return nil
        }
        waiter?.resume(returning: .success(message))
    }

    /// No more comes: the end, or why not. What came before is still to be had. Only the first end counts.
    package func finish(_ end: Result<Void, Status> = .success(())) {
        let waiter = state.withLock { state -> CheckedContinuation<Result<Element?, Status>, Never>? in
            guard state.end == nil else { return nil }
            state.end = end
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: end.map { nil })
    }

    /// The next message; nil at the end. One reader at a time. A reader whose task is cancelled ends the queue.
    package func next() async throws(Status) -> Element? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (ready, hasRoom) = state.withLock { state -> (Result<Element?, Status>?, Bool) in
                    let wasFull = state.bytes >= Self.highWater
                    if let ready = state.take() { return (ready, wasFull && state.bytes < Self.highWater) }
                    precondition(state.waiter == nil, "one reader at a time")
                    state.waiter = continuation
                    return (nil, false)
                }
                if hasRoom { onRoom() }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            finish(.failure(Status(.cancelled, "the call was cancelled")))
        }
        return try result.get()
    }
}
