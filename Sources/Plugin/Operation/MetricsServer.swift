internal import Glibc
internal import LinuxSys
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import TTRPC

/// `GET /metrics` over HTTP, on a loopback address or a Unix socket (mode 0600).
final class MetricsServer: Sendable {
    private let listener: any Channel
    private let path: String?

    private init(listener: any Channel, path: String?) { (self.listener, self.path) = (listener, path) }

    static func listen(_ address: MetricsAddress, page: @escaping @Sendable () async -> String) async throws(PluginError) -> MetricsServer {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(MetricsHandler(page))
                }
            }
        do {
            switch address {
            case .tcp(let host, let port): return MetricsServer(listener: try await bootstrap.bind(host: host, port: port).get(), path: nil)
            case .socket(let path):
                // What a dead process left there is in the way.
                _ = unsafe unlink(path)
                let socket = try FD.listen(at: path).release()
                return MetricsServer(listener: try await bootstrap.withBoundSocket(socket).get(), path: path)
            }
        } catch let error as SysError {
            throw PluginError(error)
        } catch {
            throw .store(.unavailable, "listen for metrics on \(address): \(error)")
        }
    }

    /// Of a TCP listener.
    var port: Int? { listener.localAddress?.port }

    func close() async {
        try? await listener.close().get()
        if let path { _ = unsafe unlink(path) }
    }
}

private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let page: @Sendable () async -> String
    private var head: HTTPRequestHead?

    init(_ page: @escaping @Sendable () async -> String) { self.page = page }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            let path = head.uri.prefix { $0 != "?" }
            guard path == "/metrics" else { return answer(context, head, .notFound, "no such page: /metrics\n") }
            guard head.method == .GET || head.method == .HEAD else { return answer(context, head, .methodNotAllowed, "only GET\n") }
            let promise = context.eventLoop.makePromise(of: String.self)
            let page = page
            promise.completeWithTask { await page() }
            promise.futureResult.assumeIsolated().whenSuccess { self.answer(context, head, .ok, $0) }
        }
    }

    private func answer(_ context: ChannelHandlerContext, _ request: HTTPRequestHead, _ status: HTTPResponseStatus, _ text: String) {
        var head = HTTPResponseHead(version: request.version, status: status)
        head.headers.add(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8")
        head.headers.add(name: "Content-Length", value: "\(text.utf8.count)")
        if !request.isKeepAlive { head.headers.add(name: "Connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))), promise: nil)
        }
        let isLast = !request.isKeepAlive
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in if isLast { context.close(promise: nil) } }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
