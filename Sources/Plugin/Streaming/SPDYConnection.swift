internal import NIOCore
internal import SPDY

/// Whoever is behind the streams that a client opens. Called by the connection's event loop, one call at a time.
protocol SPDYService: AnyObject, Sendable {
    /// False: the stream is refused.
    func opened(_ stream: UInt32, _ headers: Headers) -> Bool
    func arrived(_ bytes: [UInt8], on stream: UInt32)
    /// The client sends nothing more on it.
    func ended(_ stream: UInt32)
    /// The client wants nothing more of it.
    func reset(_ stream: UInt32)
    /// The client has gone, or what it says is understood no more.
    func gone(_ reason: String)
    /// While this is true nothing is read. Whoever makes it false says so with `SPDYConnection.resume`.
    var isFull: Bool { get }
}

/// The server's end of a connection that speaks SPDY.
struct SPDYConnection: Sendable {
    enum Output: Sendable {
        case data(stream: UInt32, ByteBuffer, isLast: Bool)
        case reset(stream: UInt32)
        /// Nothing of the client counts any more.
        case goAway
    }

    /// How long a client that was told everything may take to close. Older ones lose what they have not read yet when the connection ends
    /// before they end it (moby/spdystream, `Connection.Serve`).
    static let lingering = TimeAmount.seconds(30)

    let channel: any Channel

    /// Returns when it is written, or nobody wants it.
    func send(_ stream: UInt32, _ bytes: ByteBuffer, isLast: Bool = false) async throws {
        try await channel.writeAndFlush(Output.data(stream: stream, bytes, isLast: isLast)).get()
    }

    func end(_ stream: UInt32) async { try? await send(stream, ByteBuffer(), isLast: true) }

    func reset(_ stream: UInt32) { channel.writeAndFlush(Output.reset(stream: stream), promise: nil) }

    func resume() {
        let channel = channel
        channel.eventLoop.execute { try? channel.syncOptions?.setOption(.autoRead, value: true) }
    }

    /// Says that this was all, and gives the client the time to close.
    func close() async {
        let channel = channel
        await closingIfCancelled {
            try? await channel.writeAndFlush(Output.goAway).get()
            resume()
            let timer = channel.eventLoop.scheduleTask(in: Self.lingering) { channel.close(promise: nil) }
            try? await channel.closeFuture.get()
            timer.cancel()
        }
    }

    /// Runs `body`; a cancelled task ends the connection.
    func closingIfCancelled<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        let channel = channel
        return try await withTaskCancellationHandler(operation: body) { channel.close(promise: nil) }
    }
}

/// Frames both ways, between the connection's bytes and its service.
final class SPDYHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = SPDYConnection.Output
    typealias OutboundOut = ByteBuffer

    /// Streams of a client at one time.
    static let mostStreams = 512
    /// Answers that the client has not read yet. Beyond it the client is asking for them and not reading.
    static let mostAnswers = 64 << 10

    private let service: any SPDYService
    private var decoder = FrameDecoder()
    private var encoder = FrameEncoder()
    private var streams = ServerStreams(limit: mostStreams)
    private var answers = 0
    /// Nothing of the client counts any more.
    private var isOver = false
    private var isGone = false

    init(_ service: any SPDYService) { self.service = service }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do throws(SPDYError) {
            while !isOver, let event = try decoder.next() {
                for action in try streams.receive(event) { perform(action, context) }
            }
        } catch {
            fail("\(error)", context)
        }
        if !isOver, service.isFull { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    private func perform(_ action: ServerStreams.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .send(let frame): answer(frame, context)
        case .opened(let stream, let headers):
            guard service.opened(stream, headers) else { return answer(streams.refuse(stream), context) }
            if let reply = streams.accept(stream) { answer(reply, context) }
        case .data(let stream, let bytes): service.arrived(bytes, on: stream)
        case .ended(let stream): service.ended(stream)
        case .reset(let stream): service.reset(stream)
        }
    }

    private func answer(_ frame: Frame, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        let bytes = encoder.encode(frame)
        answers += bytes.count
        guard answers <= Self.mostAnswers else { return fail("SPDY: the client reads no answers", context) }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.write(wrapOutboundOut(ByteBuffer(bytes: bytes))).whenComplete { _ in this.value.answers -= bytes.count }
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        gone(reason)
        let frame = encoder.encode(.goAway(lastStream: streams.last, .protocolError))
        let channel = context.channel
        // One that reads nothing does not get this either.
        let timer = context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frame))).whenComplete { _ in
            timer.cancel()
            channel.close(promise: nil)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .data(let stream, let bytes, let isLast):
            guard streams.canSend(stream) else { return promise?.succeed() ?? () }
            if isLast { streams.end(stream) }
            let head = FrameEncoder.dataHead(stream: stream, count: bytes.readableBytes, isLast: isLast)
            guard bytes.readableBytes > 0 else { return context.write(wrapOutboundOut(ByteBuffer(bytes: head)), promise: promise) }
            context.write(wrapOutboundOut(ByteBuffer(bytes: head)), promise: nil)
            context.write(wrapOutboundOut(bytes), promise: promise)
        case .reset(let stream):
            context.write(wrapOutboundOut(ByteBuffer(bytes: encoder.encode(streams.refuse(stream)))), promise: promise)
        case .goAway:
            guard !isOver else { return promise?.succeed() ?? () }
            isOver = true
            context.write(wrapOutboundOut(ByteBuffer(bytes: encoder.encode(.goAway(lastStream: streams.last, .ok)))), promise: promise)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone("the client has gone")
        context.fireChannelInactive()
    }

    /// Told once.
    private func gone(_ reason: String) {
        isOver = true
        guard !isGone else { return }
        isGone = true
        service.gone(reason)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
