import NIOCore
import Synchronization
import TTRPC

/// What a call hears of its progress; `response`, `ended` and `failed` are each the last.
enum CallEvent: Sendable {
    case response(ResponseEnvelope)
    case message([UInt8])
    case ended
    case failed(Status)
}

/// Names one call from outside the event loop, where it has no stream yet.
final class CallKey: Sendable {
    private let cancelled = Mutex(false)
    /// Set before the loop is told, so that a call that has not begun by then never begins.
    var isCancelled: Bool { cancelled.withLock { $0 } }
    func cancel() { cancelled.withLock { $0 = true } }
}

/// The client's end of one connection, on its event loop.
final class ClientConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Call {
        let key: CallKey
        let sink: @Sendable (CallEvent) -> Void
        let timer: Scheduled<Void>?
        /// Of a call in which both sides send: what its reader has not taken yet.
        let queue: InboundQueue<[UInt8]>?
    }

    private let path: String
    private var frames = FrameChannel()
    private var streams = ClientStreams(codec: SwiftProtobufEnvelope.self)
    private var calls: [UInt32: Call] = [:]
    private var context: ChannelHandlerContext?
    private var closed: Status?
    private var readPaused = false

    init(path: String) { self.path = path }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func begin(
        _ request: RequestEnvelope, _ shape: CallShape, key: CallKey, timeout: TimeAmount?, queue: InboundQueue<[UInt8]>? = nil,
        _ sink: @escaping @Sendable (CallEvent) -> Void
    ) {
        guard !key.isCancelled else { return sink(.failed(Self.cancelled(request))) }
        guard let context, closed == nil else { return sink(.failed(closed ?? Status(.unavailable, "\(path): connection is closed"))) }
        guard frames.pending < FrameChannel.mostPending else {
            return sink(.failed(Status(.resourceExhausted, "\(path): the server takes no more requests for now")))
        }
        let frame: Frame
        do { frame = try streams.open(request, shape) } catch { return sink(.failed(error)) }
        let stream = frame.stream
        let timer = timeout.map { time in
            context.eventLoop.assumeIsolated().scheduleTask(in: time) {
                let milliseconds = time.nanoseconds / 1_000_000
                self.give(stream, Status(.deadlineExceeded, "\(request.service)/\(request.method): no answer within \(milliseconds) ms"))
            }
        }
        calls[stream] = Call(key: key, sink: sink, timer: timer, queue: queue)
        write(frame, context)
    }

    /// One more message of a call that was begun with `.clientOpen`. The future says when it is on its way.
    func send(_ bytes: [UInt8], on key: CallKey, _ loop: any EventLoop) -> EventLoopFuture<Void> {
        do throws(Status) {
            guard let context, closed == nil else { throw closed ?? Status(.unavailable, "\(path): connection is closed") }
            guard let stream = stream(of: key), let frame = try streams.send(stream, bytes) else {
                throw Status(.cancelled, "the call is over")
            }
            return write(frame, context)
        } catch { return loop.makeFailedFuture(error) }
    }

    /// No more messages will be sent.
    func endOutput(of key: CallKey) {
        guard let context, closed == nil, let stream = stream(of: key), let frame = streams.endOutput(stream) else { return }
        write(frame, context)
    }

    private func stream(of key: CallKey) -> UInt32? { calls.first { $0.value.key === key }?.key }

    /// A queue may have room again.
    func read() {
        guard let context, closed == nil else { return }
        let pause = calls.values.contains { $0.queue?.isFull == true }
        guard pause != readPaused else { return }
        readPaused = pause
        try? context.channel.syncOptions?.setOption(.autoRead, value: !pause)
    }

    /// Nobody waits for the call any more.
    func cancel(_ key: CallKey) {
        guard let stream = stream(of: key) else { return }
        give(stream, Status(.cancelled, "the call was cancelled"))
    }

    private func give(_ stream: UInt32, _ status: Status) {
        streams.abandon(stream)
        finish(stream, .failed(status))
    }

    @discardableResult
    private func write(_ frame: Frame, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        let bytes = frames.take(frame, context.channel.allocator)
        let count = bytes.readableBytes
        let done = context.writeAndFlush(wrapOutboundOut(bytes))
        done.assumeIsolated().whenComplete { _ in self.frames.written(count) }
        return done
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        frames.append(unwrapInboundIn(data))
        while closed == nil, let event = frames.next() {
            for action in streams.receive(event) { handle(action, context) }
        }
        read()
    }

    private func handle(_ action: ClientAction, _ context: ChannelHandlerContext) {
        switch action {
        case .response(let stream, let response): finish(stream, .response(response))
        case .message(let stream, let bytes): calls[stream]?.sink(.message(bytes))
        case .ended(let stream): finish(stream, .ended)
        case .broken(let status):
            end(status.message)
            context.close(promise: nil)
        }
    }

    private func finish(_ stream: UInt32, _ event: CallEvent) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        call.timer?.cancel()
        call.sink(event)
        read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(frames.isInsideFrame ? "the server closed in the middle of a frame" : "connection is closed")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(reason(error))
        context.close(promise: nil)
    }

    private func end(_ reason: String) {
        guard closed == nil else { return }
        let status = Status(.unavailable, "\(path): \(reason)")
        closed = status
        for stream in calls.keys.sorted() { finish(stream, .failed(status)) }
    }

    private static func cancelled(_ request: RequestEnvelope) -> Status {
        Status(.cancelled, "\(request.service)/\(request.method): the call was cancelled")
    }
}
