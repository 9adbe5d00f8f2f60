internal import LinuxSys
internal import Logging
internal import Messages
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket
internal import OCI
internal import Synchronization
internal import TTRPCNIO

/// The HTTP server behind the URLs of Exec, Attach and PortForward: on a loopback address, for whoever has a ticket.
final class StreamServer: Sendable {
    /// A WebSocket frame of a client.
    static let mostFrame = 4 << 20
    /// A connection that has not become a WebSocket by then is closed.
    static let patience = TimeAmount.seconds(30)

    private let site: Site
    private let registry: Registry
    private let tickets = Mutex(StreamTickets())
    private let tasks = TaskRegistry()
    private let listener: Mutex<(any Channel)?> = Mutex(nil)
    private let base = Mutex("")

    private init(site: Site, registry: Registry) { (self.site, self.registry) = (site, registry) }

    static func start(site: Site, registry: Registry) async throws(PluginError) -> StreamServer {
        let server = StreamServer(site: site, registry: registry)
        let (host, port) = (site.settings.streamHost, site.settings.streamPort)
        do {
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in server.accept(channel) }
                .bind(host: host, port: Int(port)).get()
            server.listener.withLock { $0 = listener }
            let bound = listener.localAddress?.port ?? 0
            server.base.withLock { $0 = host.contains(":") ? "http://[\(host)]:\(bound)" : "http://\(host):\(bound)" }
            return server
        } catch {
            throw .kernel(operation: "listen", subject: "\(host):\(port)", reason: "\(error)")
        }
    }

    /// The URL for one connection.
    func url(_ purpose: StreamTickets.Purpose) throws(PluginError) -> String {
        guard let token = tickets.withLock({ $0.issue(purpose, now: monotonicNanoseconds()) }) else {
            throw .invalid(field: purpose.path, reason: "more than \(StreamTickets.most) URLs wait to be used")
        }
        return base.withLock(\.self) + "/\(purpose.path)/\(token)"
    }

    func close() async {
        try? await listener.withLock(\.self)?.close().get()
        await tasks.drain()
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
                maxFrameSize: Self.mostFrame,
                shouldUpgrade: { channel, head in channel.eventLoop.makeSucceededFuture(self.answer(head)) },
                upgradePipelineHandler: { channel, head in self.begin(channel, head) })
            // The gate refuses all that would not be upgraded.
            let configuration = NIOTypedHTTPServerUpgradeConfiguration<Void>(upgraders: [upgrader]) { channel in channel.close() }
            let result = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: .init(upgradeConfiguration: configuration))
            let decoder = try channel.pipeline.syncOperations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try channel.pipeline.syncOperations.addHandler(StreamGate { self.refusal($0) }, position: .after(decoder))
            let timer = channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
            result.whenComplete { _ in timer.cancel() }
        }
    }

    /// The headers of the upgrade; nil: it is refused.
    private func answer(_ head: HTTPRequestHead) -> HTTPHeaders? {
        guard let purpose = tickets.withLock({ $0.look(Self.path(head), now: monotonicNanoseconds()) }) else { return nil }
        guard let subprotocol = Self.subprotocol(head, purpose) else { return nil }
        return ["Sec-WebSocket-Protocol": subprotocol]
    }

    /// Why a request is refused; nil: it becomes a WebSocket.
    private func refusal(_ head: HTTPRequestHead) -> (HTTPResponseStatus, String)? {
        guard let purpose = tickets.withLock({ $0.look(Self.path(head), now: monotonicNanoseconds()) }) else {
            return (.notFound, "no such stream: the URL was used, or is older than \(StreamTickets.lifetime / 1_000_000_000) s")
        }
        let upgrades = head.headers[canonicalForm: "upgrade"].map { $0.lowercased() }
        guard upgrades.contains("websocket") else {
            let named = upgrades.first.map { "upgrade to \($0) is not supported: " } ?? ""
            return (.badRequest, "\(named)a WebSocket is wanted")
        }
        if Self.subprotocol(head, purpose) != nil { return nil }
        let offers = head.headers[canonicalForm: "sec-websocket-protocol"].joined(separator: ", ")
        let known =
            if case .portForward = purpose { PortForwarding.protocol } else {
                RemoteCommand.Version.allCases.map(\.rawValue).joined(separator: ", ")
            }
        return (.badRequest, "none of the subprotocols \(offers.isEmpty ? "(none)" : quoted(offers)) is known; these are: \(known)")
    }

    private static func path(_ head: HTTPRequestHead) -> String { String(head.uri.prefix { $0 != "?" }) }

    private static func subprotocol(_ head: HTTPRequestHead, _ purpose: StreamTickets.Purpose) -> String? {
        let offers = head.headers[canonicalForm: "sec-websocket-protocol"].map(String.init)
        if case .portForward = purpose { return offers.first { $0 == PortForwarding.protocol } }
        return RemoteCommand.Version.chosen(from: offers)?.rawValue
    }

    private func begin(_ channel: any Channel, _ head: HTTPRequestHead) -> EventLoopFuture<Void> {
        // Another connection with the same ticket may have been faster.
        guard let purpose = tickets.withLock({ $0.take(Self.path(head), now: monotonicNanoseconds()) }),
            let subprotocol = Self.subprotocol(head, purpose)
        else { return channel.close() }
        let socket = WebSocketConnection(channel)
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(WebSocketHandler(socket))
            let task = self.tasks.start { await self.serve(socket, purpose, subprotocol, head.uri) }
            channel.closeFuture.whenComplete { _ in task.cancel() }
        }
    }

    private func serve(_ socket: WebSocketConnection, _ purpose: StreamTickets.Purpose, _ subprotocol: String, _ uri: String) async {
        switch purpose {
        case .exec(let request):
            await command(socket, subprotocol) { try await Sessions.exec(request, registry).run($0) }
        case .attach(let request):
            await command(socket, subprotocol) { try await Sessions.attach(request, registry).run($0) }
        case .portForward(let request):
            let query = uri.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
            let ports = request.port.isEmpty ? PortForwarding.ports(query: query) : request.port.map { UInt32(bitPattern: $0) }
            await PortForwardSocket(socket: socket, ports: ports, pod: request.podSandboxID, registry: registry, logger: site.logger).run()
        }
    }

    private func command(
        _ socket: WebSocketConnection, _ subprotocol: String, _ body: (RemoteCommandClient) async throws -> UInt32
    ) async {
        let client = RemoteCommandClient(socket: socket, version: RemoteCommand.Version(rawValue: subprotocol) ?? .v4)
        do {
            let code = try await body(client)
            try? await socket.send(RemoteCommand.Channel.error, ByteBuffer(bytes: RemoteCommand.status(exitCode: code).encoded()))
        } catch {
            site.logger.info("stream: \(error)")
            try? await socket.send(RemoteCommand.Channel.error, ByteBuffer(bytes: RemoteCommand.status(failure: "\(error)").encoded()))
        }
        await socket.close()
    }
}

/// Before anything of an upgrade: answers a request that does not become a WebSocket, and lets the others through.
private final class StreamGate: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State { case waiting, open, refused }

    private var state = State.waiting
    private let refusal: (HTTPRequestHead) -> (HTTPResponseStatus, String)?

    init(_ refusal: @escaping (HTTPRequestHead) -> (HTTPResponseStatus, String)?) { self.refusal = refusal }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .open: context.fireChannelRead(data)
        case .refused: break
        case .waiting:
            guard case .head(let head) = unwrapInboundIn(data), let (status, text) = refusal(head) else {
                state = .open
                return context.fireChannelRead(data)
            }
            state = .refused
            refuse(status, text, context)
        }
    }

    private func refuse(_ status: HTTPResponseStatus, _ text: String, _ context: ChannelHandlerContext) {
        let body = ByteBuffer(string: text + "\n")
        let headers: HTTPHeaders = ["Content-Type": "text/plain", "Content-Length": "\(body.readableBytes)", "Connection": "close"]
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
