import NIOCore
import TTRPC

/// The server's end of one connection, on its event loop.
final class ServerConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Call {
        let task: Task<Void, Never>
        let timer: Scheduled<Void>?
        /// Of a call whose client goes on sending.
        let input: InboundQueue<[UInt8]>?
    }

    private let routes: Routes
    private let tasks: TaskRegistry
    private var frames = FrameChannel()
    private var streams: ServerStreams
    private var calls: [UInt32: Call] = [:]
    private var context: ChannelHandlerContext?
    private var readPaused = false
    private var closed = false

    init(routes: Routes, limits: StreamLimits, tasks: TaskRegistry) {
        self.routes = routes
        self.tasks = tasks
        streams = ServerStreams(codec: SwiftProtobufEnvelope.self, limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        frames.append(unwrapInboundIn(data))
        // A write in here may end the connection.
        while !closed, let event = frames.next() {
            for action in streams.receive(event) where !closed {
                switch action {
                case .call(let stream, let request, let shape): begin(stream, request, shape, context)
                case .cancelled(let stream): cancel(stream)
                case .send(let frame): write(frame, context)
                case .message(let stream, let bytes): calls[stream]?.input?.push(bytes, bytes: bytes.count)
                case .inputEnded(let stream): calls[stream]?.input?.finish()
                }
            }
        }
        if !closed { read(context) }
    }

    /// While the peer does not take what waits for it, or a handler what the peer has sent, nothing more is read from it.
    func read(_ context: ChannelHandlerContext) {
        let pause = frames.pending >= FrameChannel.highWater || calls.values.contains { $0.input?.isFull == true }
        guard pause != readPaused else { return }
        readPaused = pause
        try? context.channel.syncOptions?.setOption(.autoRead, value: !pause)
    }

    private func begin(_ stream: UInt32, _ request: RequestEnvelope, _ shape: CallShape, _ context: ChannelHandlerContext) {
        let handler: Routes.Handler
        do throws(Status) {
            guard request.timeout >= 0 else { throw Status(.invalidArgument, "timeout of \(request.timeout) ns") }
            handler = try routes.handler(for: request, shape)
        } catch { return finish(stream, .response(ResponseEnvelope(status: error))) }
        let loop = context.eventLoop
        let own = NIOLoopBound(self, eventLoop: loop)
        let callContext = CallContext(
            service: request.service, method: request.method, metadata: request.metadata,
            timeout: request.timeout > 0 ? .nanoseconds(request.timeout) : nil)
        let input = shape == .clientOpen ? openInput(request.payload, own, loop) : nil
        let task = tasks.start {
            let outcome = await handler.run(request.payload, callContext, input) { (bytes) async throws(Status) in
                try await Self.put(bytes, stream, own, loop)
            }
            loop.execute { own.value.finish(stream, outcome) }
        }
        var timer: Scheduled<Void>?
        if request.timeout > 0 {
            timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(request.timeout)) {
                let message = "\(request.service)/\(request.method): not done within \(request.timeout / 1_000_000) ms"
                let call = self.calls[stream]
                self.finish(stream, .response(ResponseEnvelope(status: Status(.deadlineExceeded, message))))
                call?.task.cancel()
            }
        }
        calls[stream] = Call(task: task, timer: timer, input: input)
    }

    /// A request that opens a stream may carry its first message.
    private func openInput(_ payload: [UInt8], _ own: NIOLoopBound<ServerConnection>, _ loop: any EventLoop) -> InboundQueue<[UInt8]> {
        let queue = InboundQueue<[UInt8]> {
            loop.execute { if let context = own.value.context, !own.value.closed { own.value.read(context) } }
        }
        if !payload.isEmpty { queue.push(payload, bytes: payload.count) }
        return queue
    }

    private static func put(
        _ bytes: [UInt8], _ stream: UInt32, _ own: NIOLoopBound<ServerConnection>, _ loop: any EventLoop
    ) async throws(Status) {
        do {
            try await loop.flatSubmit { own.value.send(stream, bytes, loop) }.get()
        } catch let status as Status {
            throw status
        } catch {
            throw Status(.cancelled, "the peer has gone: \(reason(error))")
        }
    }

    private func send(_ stream: UInt32, _ bytes: [UInt8], _ loop: any EventLoop) -> EventLoopFuture<Void> {
        do throws(Status) {
            guard let frame = try streams.send(stream, bytes) else { throw Status(.cancelled, "nobody waits for this stream any more") }
            guard let context else { throw Status(.cancelled, "the connection is closed") }
            return write(frame, context)
        } catch { return loop.makeFailedFuture(error) }
    }

    private func finish(_ stream: UInt32, _ outcome: CallOutcome) {
        let call = calls.removeValue(forKey: stream)
        call?.timer?.cancel()
        call?.input?.finish(.failure(Status(.cancelled, "the call is over")))
        let frame: Frame?
        switch outcome {
        case .response(let response): frame = streams.respond(stream, response)
        case .streamEnded: frame = streams.finish(stream)
        }
        guard let context, !closed else { return }
        if let frame { write(frame, context) }
        read(context)
    }

    @discardableResult
    private func write(_ frame: Frame, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        let bytes = frames.take(frame, context.channel.allocator)
        let count = bytes.readableBytes
        let done = context.writeAndFlush(wrapOutboundOut(bytes))
        done.assumeIsolated().whenComplete { _ in
            self.frames.written(count)
            if let context = self.context { self.read(context) }
        }
        // A peer that reads nothing and still causes answers is cut off.
        if frames.pending > FrameChannel.mostPending { context.close(promise: nil) } else { read(context) }
        return done
    }

    private func cancel(_ stream: UInt32) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        call.timer?.cancel()
        call.input?.finish(.failure(Status(.cancelled, "the client has gone")))
        call.task.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        closed = true
        for stream in Array(calls.keys) { cancel(stream) }
        for stream in streams.active { _ = streams.finish(stream) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
