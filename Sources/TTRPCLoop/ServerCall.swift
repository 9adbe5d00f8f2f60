import EventLoop
package import LinuxSys
package import TTRPC

/// One call in progress. The handler answers it once, now or later; when nobody waits any more, answering does nothing.
package final class ServerCall {
    package let request: RequestEnvelope
    package let shape: CallShape
    package let peer: PeerCredentials

    private let output: (ServerCallOutput) -> Bool
    private let endTimer: () -> Void
    private var answered = false
    /// The caller has gone, or its time is up: what was begun for it may be given up.
    package private(set) var isCancelled = false
    /// Called once when the call is cancelled.
    package var onCancel: (() -> Void)?

    init(
        _ request: RequestEnvelope, _ shape: CallShape, peer: PeerCredentials, endTimer: @escaping () -> Void,
        output: @escaping (ServerCallOutput) -> Bool
    ) {
        self.request = request
        self.shape = shape
        self.peer = peer
        self.endTimer = endTimer
        self.output = output
    }

    /// Ends the call.
    package func reply(_ response: ResponseEnvelope) {
        guard end() else { return }
        _ = output(.response(response))
    }

    package func reply(_ payload: [UInt8]) { reply(ResponseEnvelope(payload: payload)) }
    package func fail(_ status: Status) { reply(ResponseEnvelope(status: status)) }

    /// One message of a streaming answer. False: not taken, because the call is over or unary, the message is too large, or too
    /// much waits for the peer already.
    package func send(_ message: [UInt8]) -> Bool { !answered && output(.message(message)) }

    /// Ends a streaming answer.
    package func finish() {
        guard end() else { return }
        _ = output(.end)
    }

    func cancel() {
        let action = onCancel
        guard end() else { return }
        isCancelled = true
        action?()
    }

    private func end() -> Bool {
        guard !answered else { return false }
        answered = true
        // What it holds may hold this call.
        onCancel = nil
        endTimer()
        return true
    }
}

enum ServerCallOutput {
    case response(ResponseEnvelope), message([UInt8]), end
}
