import LinuxSys
import NIOCore
import NIOPosix
package import SwiftProtobuf
package import TTRPC

/// A ttrpc client over one connection; any number of calls at one time, from any task.
package final class TTRPCClient: Sendable {
    /// Messages of a streaming answer that may wait for a slow reader: ttrpc cannot slow the server down, and other calls
    /// share the connection. Past it the stream fails instead of losing messages silently.
    package static let mostWaitingMessages = 4096

    private let channel: any Channel
    private let connection: NIOLoopBound<ClientConnection>

    private init(channel: any Channel, connection: NIOLoopBound<ClientConnection>) {
        self.channel = channel
        self.connection = connection
    }

    /// Connects to the Unix socket at `path`.
    package static func connect(path: String) async throws(Status) -> TTRPCClient {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let connection = ClientConnection(path: path)
                        try channel.pipeline.syncOperations.addHandler(connection)
                        return TTRPCClient(channel: channel, connection: NIOLoopBound(connection, eventLoop: channel.eventLoop))
                    }
                }
        } catch {
            throw Status(.unavailable, "connect \(path): \(reason(error))")
        }
    }

    /// False once the connection is lost: every further call fails with `unavailable`.
    package var isOpen: Bool { channel.isActive }

    /// Returns when the connection is closed, by whichever side.
    package func waitForClose() async { try? await channel.closeFuture.get() }

    /// One request, one answer. What the server refuses, and what the connection, the timeout or a cancellation end, is thrown.
    package func unary<Q: Message, A: Message>(
        _ service: String, _ method: String, _ request: Q, as answer: A.Type = A.self, timeout: Duration? = nil,
        metadata: [RequestEnvelope.Pair] = []
    ) async throws(Status) -> A {
        let payload = try encoded(request)
        let envelope = RequestEnvelope(
            service: service, method: method, payload: payload, timeout: timeout?.wholeNanoseconds ?? 0, metadata: metadata)
        let bytes = try await call(envelope, timeout: timeout)
        return try decoded(bytes, .internal)
    }

    /// The same with the payload's bytes as they are.
    package func call(_ envelope: RequestEnvelope, timeout: Duration?) async throws(Status) -> [UInt8] {
        let key = CallKey()
        let event = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                begin(envelope, .unary, key, timeout) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            cancel(key)
        }
        switch event {
        case .response(let response):
            guard response.status.code == .ok else { throw response.status }
            return response.payload
        case .failed(let status): throw status
        case .message, .ended: throw Status(.internal, "\(envelope.service)/\(envelope.method): a stream as the answer to a unary call")
        }
    }

    /// One request, any number of messages in answer. Ending the iteration (or its task) gives the call up.
    package func serverStream<Q: Message, A: Message>(
        _ service: String, _ method: String, _ request: Q, as answer: A.Type = A.self, timeout: Duration? = nil,
        metadata: [RequestEnvelope.Pair] = []
    ) -> AsyncThrowingStream<A, any Error> {
        let key = CallKey()
        return AsyncThrowingStream(A.self, bufferingPolicy: .bufferingOldest(Self.mostWaitingMessages)) { continuation in
            let payload: [UInt8]
            do { payload = try encoded(request) } catch { return continuation.finish(throwing: error) }
            let envelope = RequestEnvelope(
                service: service, method: method, payload: payload, timeout: timeout?.wholeNanoseconds ?? 0, metadata: metadata)
            continuation.onTermination = { _ in self.cancel(key) }
            self.begin(envelope, .serverStream, key, timeout) { event in
                switch event {
                case .message(let bytes): Self.deliver(bytes, continuation)
                case .ended: continuation.finish()
                case .failed(let status): continuation.finish(throwing: status)
                case .response(let response):
                    // A server may also end a stream with a response: an error, or its only message.
                    guard response.status.code == .ok else { return continuation.finish(throwing: response.status) }
                    if !response.payload.isEmpty { Self.deliver(response.payload, continuation) }
                    continuation.finish()
                }
            }
        }
    }

    /// A call in which both sides send messages as they like.
    package func duplex<Q: Message, A: Message>(
        _ service: String, _ method: String, sends: Q.Type = Q.self, receives: A.Type = A.self, metadata: [RequestEnvelope.Pair] = []
    ) -> DuplexCall<Q, A> {
        let (connection, loop, key) = (connection, channel.eventLoop, CallKey())
        let queue = InboundQueue<[UInt8]> { loop.execute { connection.value.read() } }
        let envelope = RequestEnvelope(service: service, method: method, payload: [], metadata: metadata)
        loop.execute {
            connection.value.begin(envelope, .clientOpen, key: key, timeout: nil, queue: queue) { event in
                switch event {
                case .message(let bytes): queue.push(bytes, bytes: bytes.count)
                case .ended: queue.finish()
                case .failed(let status): queue.finish(.failure(status))
                case .response(let response):
                    guard response.status.code == .ok else { return queue.finish(.failure(response.status)) }
                    if !response.payload.isEmpty { queue.push(response.payload, bytes: response.payload.count) }
                    queue.finish()
                }
            }
        }
        return DuplexCall(
            queue: queue,
            put: { (bytes) async throws(Status) in
                do { try await loop.flatSubmit { connection.value.send(bytes, on: key, loop) }.get() } catch let status as Status {
                    throw status
                } catch { throw Status(.unavailable, reason(error)) }
            },
            end: { loop.execute { connection.value.endOutput(of: key) } }, abandon: { self.cancel(key) })
    }

    private static func deliver<A: Message>(_ bytes: [UInt8], _ continuation: AsyncThrowingStream<A, any Error>.Continuation) {
        do {
            let message: A = try decoded(bytes, .internal)
            guard case .dropped = continuation.yield(message) else { return }
            continuation.finish(throwing: Status(.resourceExhausted, "\(mostWaitingMessages) messages wait to be read"))
        } catch { continuation.finish(throwing: error) }
    }

    private func begin(
        _ envelope: RequestEnvelope, _ shape: CallShape, _ key: CallKey, _ timeout: Duration?,
        _ sink: @escaping @Sendable (CallEvent) -> Void
    ) {
        let connection = connection
        let time = timeout.map { TimeAmount.nanoseconds($0.wholeNanoseconds) }
        channel.eventLoop.execute { connection.value.begin(envelope, shape, key: key, timeout: time, sink) }
    }

    private func cancel(_ key: CallKey) {
        let connection = connection
        key.cancel()
        channel.eventLoop.execute { connection.value.cancel(key) }
    }

    /// Closes the connection; open calls fail with `unavailable`.
    package func close() async { try? await channel.close().get() }

    deinit { channel.close(promise: nil) }
}

/// One call in which both sides send messages. ttrpc has no word for giving up a single call: a server learns that its client has gone by
/// the end of the connection.
package final class DuplexCall<Q: Message, A: Message>: Sendable {
    private let queue: InboundQueue<[UInt8]>
    private let put: @Sendable ([UInt8]) async throws(Status) -> Void
    private let end: @Sendable () -> Void
    private let abandon: @Sendable () -> Void

    fileprivate init(
        queue: InboundQueue<[UInt8]>, put: @escaping @Sendable ([UInt8]) async throws(Status) -> Void, end: @escaping @Sendable () -> Void,
        abandon: @escaping @Sendable () -> Void
    ) {
        (self.queue, self.put, self.end, self.abandon) = (queue, put, end, abandon)
    }

    deinit { abandon() }

    /// Returns when the message is on its way: a slow server slows the caller down.
    package func send(_ message: Q) async throws(Status) { try await put(try encoded(message)) }

    /// Says that no more messages come.
    package func endInput() { end() }

    /// The next message of the server; nil at the end. Throws what the call failed with. One reader at a time.
    package func next() async throws(Status) -> A? {
        guard let bytes = try await queue.next() else { return nil }
        return try decoded(bytes, .internal)
    }
}

extension Duration {
    /// Nanoseconds, at least 1 (0 means "no timeout" on the wire) and at most what fits.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, product < .max - 1_000_000_000 else { return seconds < 0 ? 1 : .max }
        return max(product + attoseconds / 1_000_000_000, 1)
    }
}

/// What went wrong with a channel, in words.
func reason(_ error: any Error) -> String {
    switch error {
    case let error as IOError: SysError(error.errnoCode, "").reason
    case let error as NIOConnectionError: error.connectionErrors.first.map { "\($0.error)" } ?? "\(error)"
    case SocketAddressError.unixDomainSocketPathTooLong: "the path is longer than a socket address holds"
    default: "\(error)"
    }
}
