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
    /// A connection that has not become a stream by then is closed.
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
            let webSocket = NIOTypedWebSocketServerUpgrader<Void>(
                maxFrameSize: Self.mostFrame,
                shouldUpgrade: { channel, head in channel.eventLoop.makeSucceededFuture(self.answer(head)) },
                upgradePipelineHandler: { channel, head in self.begin(channel, head) })
            let spdy = SPDYUpgrader(answer: { self.answer($0) }, begin: { self.begin($0, $1) })
            // The gate refuses all that would not be upgraded.
            let configuration = NIOTypedHTTPServerUpgradeConfiguration<Void>(upgraders: [webSocket, spdy]) { channel in channel.close() }
            let result = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: .init(upgradeConfiguration: configuration))
            let decoder = try channel.pipeline.syncOperations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let gate = StreamGate { head in if case .refused(let refusal) = self.upgrade(head) { refusal } else { nil } }
            try channel.pipeline.syncOperations.addHandler(gate, position: .after(decoder))
            let timer = channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
            result.whenComplete { _ in timer.cancel() }
        }
    }

    /// What becomes of a request, without using its ticket up.
    private func upgrade(_ head: HTTPRequestHead) -> StreamUpgrade {
        StreamUpgrade(head, tickets.withLock { $0.look(Self.path(head), now: monotonicNanoseconds()) })
    }

    /// The headers of the upgrade; nil: it is refused.
    private func answer(_ head: HTTPRequestHead) -> HTTPHeaders? {
        switch upgrade(head) {
        case .webSocket(let subprotocol): ["Sec-WebSocket-Protocol": subprotocol]
        case .spdy(let chosen): [StreamUpgrade.offers: chosen]
        case .refused: nil
        }
    }

    private static func path(_ head: HTTPRequestHead) -> String { String(head.uri.prefix { $0 != "?" }) }

    private func begin(_ channel: any Channel, _ head: HTTPRequestHead) -> EventLoopFuture<Void> {
        // Another connection with the same ticket may have been faster.
        guard let purpose = tickets.withLock({ $0.take(Self.path(head), now: monotonicNanoseconds()) }) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
            let task =
                switch StreamUpgrade(head, purpose) {
                case .webSocket(let subprotocol): try self.beginWebSocket(channel, purpose, subprotocol, head.uri)
                case .spdy(let chosen): try self.beginSPDY(channel, purpose, chosen)
                case .refused(let refusal): throw PluginError.invalid(field: "upgrade", reason: refusal.text)
                }
            channel.closeFuture.whenComplete { _ in task.cancel() }
        }
    }

    private func beginWebSocket(
        _ channel: any Channel, _ purpose: StreamTickets.Purpose, _ subprotocol: String, _ uri: String
    ) throws -> Task<Void, Never> {
        let socket = WebSocketConnection(channel)
        try channel.pipeline.syncOperations.addHandler(WebSocketHandler(socket))
        return tasks.start { [self] in
            guard case .portForward(let request) = purpose else {
                let version = RemoteCommand.Version(rawValue: subprotocol) ?? .v4
                return await command(RemoteCommandClient(socket: socket, version: version), purpose)
            }
            let query = uri.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
            let ports = request.port.isEmpty ? PortForwarding.ports(query: query) : request.port.map { UInt32(bitPattern: $0) }
            await PortForwardSocket(socket: socket, ports: ports, pod: request.podSandboxID, registry: registry, logger: site.logger).run()
        }
    }

    private func beginSPDY(_ channel: any Channel, _ purpose: StreamTickets.Purpose, _ chosen: String) throws -> Task<Void, Never> {
        if case .portForward(let request) = purpose {
            let ports = SPDYPortForward(
                channel, pod: request.podSandboxID, ports: request.port, registry: registry, logger: site.logger)
            try channel.pipeline.syncOperations.addHandler(SPDYHandler(ports))
            return tasks.start { await ports.run() }
        }
        let client = SPDYCommand(channel, purpose.wishes, RemoteCommand.Version(rawValue: chosen) ?? .v4)
        try channel.pipeline.syncOperations.addHandler(SPDYHandler(client))
        return tasks.start { [self] in await command(client, purpose) }
    }

    private func command(_ client: some CommandClient, _ purpose: StreamTickets.Purpose) async {
        do {
            try await client.ready()
            let code =
                switch purpose {
                case .exec(let request): try await Sessions.exec(request, registry).run(client)
                case .attach(let request): try await Sessions.attach(request, registry).run(client)
                case .portForward: throw PluginError.invalid(field: "upgrade", reason: "a port has no command")
                }
            await client.finish(RemoteCommand.status(exitCode: code))
        } catch {
            site.logger.info("stream: \(error)")
            await client.finish(RemoteCommand.status(failure: "\(error)"))
        }
    }
}
