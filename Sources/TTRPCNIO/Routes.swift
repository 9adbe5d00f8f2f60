package import SwiftProtobuf
package import TTRPC

/// What a handler knows of its call beside the request.
package struct CallContext: Sendable {
    package let service: String, method: String
    package let metadata: [RequestEnvelope.Pair]
    /// What the caller said it would wait; its end cancels the handler's task.
    package let timeout: Duration?

    /// The first value under `key`.
    package func metadata(_ key: String) -> String? { metadata.first { $0.key == key }?.value }
    /// containerd's namespace, sent with every call to and from a shim.
    package var namespace: String? { metadata(RequestEnvelope.namespaceKey) }
}

/// Where a streaming handler puts its messages.
package struct ResponseStream<A: Message>: Sendable {
    let put: @Sendable ([UInt8]) async throws(Status) -> Void

    /// Returns when the message is on its way to the peer: a slow peer slows the handler down. Throws when nobody listens any more.
    package func send(_ message: A) async throws(Status) { try await put(try encoded(message)) }
}

/// The messages that a client goes on sending.
package struct RequestStream<Q: Message>: Sendable {
    let queue: InboundQueue<[UInt8]>

    /// The next message; nil when the client has sent its last. Throws when the client has gone. One reader at a time; one that does not
    /// read slows the client down, with everything else on its connection.
    package func next() async throws(Status) -> Q? {
        guard let bytes = try await queue.next() else { return nil }
        return try decoded(bytes, .invalidArgument)
    }
}

/// How a handler's call ends.
enum CallOutcome: Sendable {
    case response(ResponseEnvelope)
    case streamEnded
}

/// The handlers of a server by service and method. A handler throws `Status` for what the caller shall see; any other error
/// becomes `unknown` with its description.
package struct Routes: Sendable {
    typealias Put = @Sendable ([UInt8]) async throws(Status) -> Void

    struct Handler: Sendable {
        let kind: Kind
        var run: @Sendable ([UInt8], CallContext, InboundQueue<[UInt8]>?, @escaping Put) async -> CallOutcome

        enum Kind { case unary, serverStream, duplex }
    }

    var handlers: [String: [String: Handler]] = [:]

    package init() {}

    package mutating func unary<Q: Message, A: Message>(
        _ service: String, _ method: String, _ body: @escaping @Sendable (Q, CallContext) async throws -> A
    ) {
        handlers[service, default: [:]][method] = Handler(kind: .unary) { payload, context, _, _ in
            do {
                let answer = try await body(try decoded(payload, .invalidArgument), context)
                return .response(ResponseEnvelope(payload: try encoded(answer)))
            } catch { return .response(ResponseEnvelope(status: status(error))) }
        }
    }

    package mutating func serverStream<Q: Message, A: Message>(
        _ service: String, _ method: String, _ body: @escaping @Sendable (Q, CallContext, ResponseStream<A>) async throws -> Void
    ) {
        handlers[service, default: [:]][method] = Handler(kind: .serverStream) { payload, context, _, put in
            do {
                try await body(try decoded(payload, .invalidArgument), context, ResponseStream(put: put))
                return .streamEnded
            } catch { return .response(ResponseEnvelope(status: status(error))) }
        }
    }

    /// Both sides send messages as they like; the call is over when `body` returns. Its task is cancelled when the client goes.
    package mutating func duplex<Q: Message, A: Message>(
        _ service: String, _ method: String,
        _ body: @escaping @Sendable (RequestStream<Q>, CallContext, ResponseStream<A>) async throws -> Void
    ) {
        handlers[service, default: [:]][method] = Handler(kind: .duplex) { payload, context, queue, put in
            do {
                guard let queue else { throw Status(.invalidArgument, "\(context.service)/\(context.method): wants an open stream") }
                try await body(RequestStream(queue: queue), context, ResponseStream(put: put))
                return .streamEnded
            } catch { return .response(ResponseEnvelope(status: status(error))) }
        }
    }

    func handler(for request: RequestEnvelope, _ shape: CallShape) throws(Status) -> Handler {
        guard let methods = handlers[request.service] else { throw Status(.unimplemented, "service \(request.service) is not served here") }
        guard let found = methods[request.method] else {
            throw Status(.unimplemented, "method \(request.service)/\(request.method) is not served here")
        }
        switch (shape, found.kind) {
        case (.clientOpen, .unary), (.clientOpen, .serverStream):
            throw Status(.unimplemented, "\(request.service)/\(request.method): takes no stream")
        case (.unary, .serverStream): throw Status(.invalidArgument, "\(request.service)/\(request.method): answers with a stream")
        case (.unary, .duplex), (.serverStream, .duplex):
            throw Status(.invalidArgument, "\(request.service)/\(request.method): wants an open stream")
        case (.unary, .unary), (.serverStream, .unary), (.serverStream, .serverStream), (.clientOpen, .duplex): return found
        }
    }
}

private func status(_ error: any Error) -> Status {
    switch error {
    case let status as Status: status.code == .ok ? Status(.internal, "a handler failed with status ok") : status
    case is CancellationError: Status(.cancelled, "the call was cancelled")
    default: Status(.unknown, "\(error)")
    }
}
