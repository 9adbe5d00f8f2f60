internal import NIOCore
internal import NIOHTTP1

/// Before anything of an upgrade: answers a request that becomes no stream, and lets the others through.
final class StreamGate: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State { case waiting, open, refused }

    private var state = State.waiting
    private let refusal: (HTTPRequestHead) -> StreamUpgrade.Refusal?

    init(_ refusal: @escaping (HTTPRequestHead) -> StreamUpgrade.Refusal?) { self.refusal = refusal }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .open: context.fireChannelRead(data)
        case .refused: break
        case .waiting:
            guard case .head(let head) = unwrapInboundIn(data), let refusal = refusal(head) else {
                state = .open
                return context.fireChannelRead(data)
            }
            state = .refused
            refuse(refusal, context)
        }
    }

    private func refuse(_ refusal: StreamUpgrade.Refusal, _ context: ChannelHandlerContext) {
        let body = ByteBuffer(string: refusal.text + "\n")
        var headers: HTTPHeaders = ["Content-Type": "text/plain", "Content-Length": "\(body.readableBytes)", "Connection": "close"]
        headers.add(contentsOf: refusal.headers)
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
