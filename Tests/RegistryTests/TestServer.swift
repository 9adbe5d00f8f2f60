import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import Registry

/// What a test's server is asked.
struct Asked: Sendable {
    let method: HTTPMethod
    /// Path and query.
    let target: String
    let headers: HTTPHeaders
    let body: [UInt8]
    var path: String { String(target.prefix { $0 != "?" }) }
    var authorization: String? { headers["Authorization"].first }
}

/// What it answers.
struct Reply: Sendable {
    var status = 200
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// After that many bytes of the body the connection is closed.
    var cut: Int?
    /// After those bytes nothing more comes, and the connection stays.
    var stall: Int?

    static func status(_ status: Int, _ headers: [(String, String)] = []) -> Reply { Reply(status: status, headers: headers) }
    static func bytes(_ body: [UInt8], _ type: String = "application/octet-stream") -> Reply {
        Reply(headers: [("Content-Type", type)], body: body)
    }
    static func text(_ text: String, _ type: String = "application/json") -> Reply { .bytes(Array(text.utf8), type) }
}

/// An HTTP server on loopback whose answers a closure gives. It ends with `stop`.
final class TestServer: Sendable {
    private let channel: any Channel
    private let log = Mutex<[Asked]>([])
    private let answer: Mutex<@Sendable (Asked) -> Reply>
    var port: Int { channel.localAddress?.port ?? 0 }
    var host: String { "127.0.0.1:\(port)" }
    var asked: [Asked] { log.withLock { $0 } }

    private init(_ channel: any Channel, _ answer: @escaping @Sendable (Asked) -> Reply) {
        self.channel = channel
        self.answer = Mutex(answer)
    }

    static func start(_ answer: @escaping @Sendable (Asked) -> Reply) async throws -> TestServer {
        let box = ServerBox()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Responder { box.server.withLock { $0 }?.respond($0) ?? .status(503) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = TestServer(channel, answer)
        box.server.withLock { $0 = server }
        return server
    }

    func respond(_ asked: Asked) -> Reply {
        log.withLock { $0.append(asked) }
        return answer.withLock { $0 }(asked)
    }

    func set(_ new: @escaping @Sendable (Asked) -> Reply) { answer.withLock { $0 = new } }

    func stop() async { try? await channel.close() }
}

private final class ServerBox: Sendable {
    let server = Mutex<TestServer?>(nil)
}

private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let respond: @Sendable (Asked) -> Reply
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ respond: @escaping @Sendable (Asked) -> Reply) { self.respond = respond }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let buffer): body += buffer.readableBytesView
        case .end:
            guard let head else { return }
            send(respond(Asked(method: head.method, target: head.uri, headers: head.headers, body: body)), to: head, context)
        }
    }

    private func send(_ reply: Reply, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(reply.headers)
        if !headers.contains(name: "Content-Length") { headers.add(name: "Content-Length", value: "\(reply.body.count)") }
        let status = HTTPResponseStatus(statusCode: reply.status)
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        if head.method != .HEAD {
            let bytes = reply.body.prefix(reply.cut ?? reply.stall ?? reply.body.count)
            let written = context.eventLoop.makePromise(of: Void.self)
            if reply.cut != nil {
                // What was written has to get there first.
                let channel = context.channel
                written.futureResult.whenComplete { _ in channel.close(mode: .output, promise: nil) }
            }
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: written)
            if reply.cut != nil { return context.flush() }
        }
        if reply.stall != nil { return context.flush() }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
