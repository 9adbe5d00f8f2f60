internal import NIOCore
internal import NIOWebSocket
internal import TTRPC
internal import TTRPCNIO

/// A WebSocket whose messages begin with a channel's number.
final class WebSocketConnection: Sendable {
    /// A message, or a further piece of one that came in several frames.
    struct Piece: Equatable, Sendable {
        var channel: UInt8
        var bytes: [UInt8]
    }

    /// While this is full nothing is read from the socket.
    let received: InboundQueue<Piece>
    private let channel: any Channel

    init(_ channel: any Channel) {
        self.channel = channel
        received = InboundQueue {
            channel.eventLoop.execute { try? channel.syncOptions?.setOption(.autoRead, value: true) }
        }
    }

    /// Returns when it is written.
    func send(_ number: UInt8, _ bytes: ByteBuffer) async throws {
        var data = channel.allocator.buffer(capacity: bytes.readableBytes + 1)
        data.writeInteger(number)
        data.writeImmutableBuffer(bytes)
        try await channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .binary, data: data)).get()
    }

    /// Says so (1000: all is done), and gives the client a moment to answer before the connection ends.
    func close(_ code: WebSocketErrorCode = .normalClosure) async {
        var data = channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        try? await channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .connectionClose, data: data)).get()
        let channel = channel
        let timer = channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        // Its answer comes behind whatever nobody has read of it.
        channel.eventLoop.execute { try? channel.syncOptions?.setOption(.autoRead, value: true) }
        try? await channel.closeFuture.get()
        timer.cancel()
    }
}

/// Puts what comes into the queue; answers pings and the client's close.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let connection: WebSocketConnection
    /// Of the message whose frames are coming.
    private var current: UInt8?
    private var isClosing = false

    init(_ connection: WebSocketConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .binary, .text: take(frame, isFirst: true, context)
        case .continuation: take(frame, isFirst: false, context)
        case .ping: context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)), promise: nil)
        case .connectionClose: answerClose(frame, context)
        default: break
        }
    }

    private func take(_ frame: WebSocketFrame, isFirst: Bool, _ context: ChannelHandlerContext) {
        guard !isClosing, isFirst == (current == nil) else { return fail(.protocolError, context) }
        var data = frame.unmaskedData
        if isFirst {
            // An empty message says nothing.
            guard let channel: UInt8 = data.readInteger() else { return }
            current = channel
        }
        guard let channel = current else { return }
        if frame.fin { current = nil }
        let bytes = Array(data.readableBytesView)
        // An empty message of a channel counts too: a client could send them without end.
        connection.received.push(.init(channel: channel, bytes: bytes), bytes: bytes.count + 64)
        if connection.received.isFull { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
    }

    private func answerClose(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        gone()
        var data = frame.unmaskedData
        let code = data.readSlice(length: 2) ?? ByteBuffer()
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: code))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func fail(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
        isClosing = true
        gone()
        var data = context.channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: data))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func gone() { connection.received.finish(.failure(Status(.cancelled, "the client has gone"))) }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        gone()
        context.close(promise: nil)
    }
}
