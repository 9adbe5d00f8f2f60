internal import LinuxSys
internal import NIOCore
internal import NIOPosix
internal import TTRPC
internal import YAML

/// One check of a probe or hook, carried out.
struct Prober: Sendable {
    let node: RuntimeNode
    /// The pod's; nil when it has none of its own.
    let address: String?

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// Nil when it went well, else why not.
    func failure(of check: Check, in container: String, limit: Duration) async -> String? {
        do {
            switch check {
            case .command(let command):
                let result = try await node.execute(command, in: container, limit: limit)
                guard result.code != 0 else { return nil }
                let said = oneLine(String(decoding: (result.stdout + result.stderr).prefix(200), as: UTF8.self))
                return "\(command.first ?? "") ended with \(result.code)\(said.isEmpty ? "" : ": \(said)")"
            case .sleep(let seconds): try await Task.sleep(for: min(.seconds(seconds), limit))
            case .tcp(let host, let port): _ = try await exchange(try place(host), port, nil, limit)
            case .http(let get):
                let host = try place(get.host)
                let answer = try await exchange(host, get.port, Self.request(get, host), limit)
                guard let status = Self.status(answer) else { throw Failure("\(host):\(get.port): the answer is no HTTP") }
                guard (200..<400).contains(status) else { throw Failure("GET \(get.path): status \(status)") }
            }
            return nil
        } catch {
            return oneLine("\(error)")
        }
    }

    private func place(_ host: String?) throws(Failure) -> String {
        guard let host = host ?? address else { throw Failure("the pod has no address") }
        return host
    }

    static func request(_ get: HTTPCheck, _ host: String) -> String {
        var lines = ["GET \(get.path) HTTP/1.1"]
        let own = Set(get.headers.map { $0.name.lowercased() })
        for (name, value) in [("Host", "\(host):\(get.port)"), ("User-Agent", "mock-kubelet"), ("Accept", "*/*"), ("Connection", "close")]
        where !own.contains(name.lowercased()) { lines.append("\(name): \(value)") }
        return (lines + get.headers.map { "\($0.name): \($0.value)" }).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// Of `HTTP/1.1 200 OK`.
    static func status(_ line: String) -> Int? {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3 else { return nil }
        return Int(words[1])
    }

    /// Connects; with a request, sends it and returns the first line of the answer.
    private func exchange(_ host: String, _ port: Int, _ request: String?, _ limit: Duration) async throws -> String {
        let group = MultiThreadedEventLoopGroup.singleton
        let time = TimeAmount.nanoseconds(Int64(limit / .nanoseconds(1)))
        let loop = group.next()
        let first = loop.makePromise(of: String.self)
        let late = loop.scheduleTask(in: time) { first.fail(Failure("\(host):\(port): no answer within \(limit)")) }
        defer { late.cancel() }
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(time).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(FirstLine(first))
            }
        }
        let channel: any Channel
        do { channel = try await bootstrap.connect(host: host, port: port).get() } catch {
            first.succeed("")
            throw Failure("connect \(host):\(port): \(Self.words(error))")
        }
        defer { channel.close(promise: nil) }
        guard let request else {
            first.succeed("")
            return ""
        }
        channel.writeAndFlush(channel.allocator.buffer(string: request), promise: nil)
        return try await first.futureResult.get()
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: error.connectionErrors.first.map { words($0.error) } ?? "no address answers"
        case let error as IOError: SysError(error.errnoCode, "").reason
        default: "\(error)"
        }
    }
}

/// Keeps the first line that comes, of at most 8 KiB, and takes no more.
private final class FirstLine: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<String>
    private var bytes: [UInt8] = []

    init(_ promise: EventLoopPromise<String>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytesView
        guard let end = bytes.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) ?? (bytes.count > 8192 ? 8192 : nil) else { return }
        promise.succeed(String(decoding: bytes[..<end], as: UTF8.self))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(Prober.Failure("the connection ended before an answer"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }
}
