public import SwiftProtobuf
internal import TTRPC
internal import TTRPCNIO

/// A connection to `swiftletd` (or to any ttrpc server) for programs outside this package: an orchestrator in Swift.
///
/// Messages are the caller's own, made by protoc-gen-swift of `proto/runtime/v1` or of Kubernetes' file of the same name. Any number of
/// calls may be under way at one time, from any task; a task that is cancelled gives its call up.
public final class SwiftletClient: Sendable {
    private let client: TTRPCClient

    private init(_ client: TTRPCClient) { self.client = client }

    /// Connects to the Unix socket at `path` (`/run/swiftlet/swiftletd.sock`, if nothing else was configured).
    public static func connect(to path: String) async throws(CallFailure) -> SwiftletClient {
        do { return SwiftletClient(try await TTRPCClient.connect(path: path)) } catch { throw CallFailure(error) }
    }

    /// False once the connection is lost: every further call fails with `unavailable`.
    public var isOpen: Bool { client.isOpen }

    /// One request, one answer.
    ///
    /// - Parameters:
    ///   - service: its full name, `runtime.v1.RuntimeService`.
    ///   - timeout: sent along, so that the server gives up at the same time.
    ///   - metadata: ttrpc's, as HTTP has headers.
    public func call<Request: Message, Answer: Message>(
        _ service: String, _ method: String, _ request: Request, as answer: Answer.Type = Answer.self, timeout: Duration? = nil,
        metadata: [(name: String, value: String)] = []
    ) async throws(CallFailure) -> Answer {
        do {
            return try await client.unary(service, method, request, as: answer, timeout: timeout, metadata: metadata.map(Self.pair))
        } catch { throw CallFailure(error) }
    }

    /// One request, any number of messages in answer (`GetContainerEvents`, `StreamContainers`, …). The sequence ends when the server has
    /// sent the last one, and throws `CallFailure` when the call fails. To leave the loop gives the call up.
    public func stream<Request: Message, Answer: Message>(
        _ service: String, _ method: String, _ request: Request, as answer: Answer.Type = Answer.self,
        metadata: [(name: String, value: String)] = []
    ) -> MessageSequence<Answer> {
        MessageSequence(messages: client.serverStream(service, method, request, as: answer, metadata: metadata.map(Self.pair)))
    }

    /// A call in which both sides send messages as they like (`swiftlet.plugin.v1.Streaming`). Give it a connection of its own: while one
    /// side does not read, nothing else comes through.
    public func open<Request: Message, Answer: Message>(
        _ service: String, _ method: String, sending: Request.Type = Request.self, receiving: Answer.Type = Answer.self
    ) -> TwoWayCall<Request, Answer> {
        TwoWayCall(client.duplex(service, method, sends: sending, receives: receiving))
    }

    /// Calls that are under way fail with `unavailable`.
    public func close() async { await client.close() }

    private static func pair(_ entry: (name: String, value: String)) -> RequestEnvelope.Pair { .init(key: entry.name, value: entry.value) }
}

/// The messages that a server sends, taken as the caller takes them: what waits is bounded where the connection is read, and only there.
public struct MessageSequence<Answer: Message>: AsyncSequence, Sendable {
    let messages: AsyncThrowingStream<Answer, any Error>

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var messages: AsyncThrowingStream<Answer, any Error>.Iterator

        public mutating func next() async throws -> Answer? {
            do { return try await messages.next() } catch let error as Status { throw CallFailure(error) }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: messages.makeAsyncIterator()) }
}

/// One call in which both sides send messages. It is given up when nobody holds it any more.
public final class TwoWayCall<Request: Message, Answer: Message>: Sendable {
    private let call: DuplexCall<Request, Answer>

    fileprivate init(_ call: DuplexCall<Request, Answer>) { self.call = call }

    /// Returns when the message is on its way: a slow server slows its caller down.
    public func send(_ message: Request) async throws(CallFailure) {
        do { try await call.send(message) } catch { throw CallFailure(error) }
    }

    /// Says that no more messages come.
    public func finishSending() { call.endInput() }

    /// The next message of the server; nil at the end. One reader at a time.
    public func next() async throws(CallFailure) -> Answer? {
        do { return try await call.next() } catch { throw CallFailure(error) }
    }
}
