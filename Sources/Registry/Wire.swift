internal import AsyncHTTPClient
internal import Glibc
internal import LinuxSys
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// One request as it goes out. What a retry needs to send again is all in it.
struct WireRequest: Sendable {
    var method: HTTPMethod
    var address: WebAddress
    var headers: HTTPHeaders
    var body: WireBody?
    /// For all of it, the answer's head included; nil: as long as bytes move.
    var seconds: Int64?

    init(_ method: HTTPMethod, _ address: WebAddress, headers: HTTPHeaders = [:]) {
        self.method = method
        self.address = address
        self.headers = headers
    }
}

enum WireBody: Sendable {
    case bytes([UInt8])
    case file(FilePart)
}

/// The head of an answer, with its body still to come.
struct WireAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: HTTPClientResponse.Body
    let address: WebAddress

    func header(_ name: String) -> String? { headers[name].first }

    /// The whole body, if it is not longer than `limit`; nil when it is.
    func collect(limit: Int) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        for try await buffer in body {
            guard bytes.count + buffer.readableBytes <= limit else { return nil }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }
}

/// The connections of one client: a pool for each way to check certificates and each proxy. No redirects, no credentials, no retries.
final class Wire: Sendable {
    private struct Way: Hashable, Sendable {
        let trust: Server.Trust
        let proxy: Proxies.Proxy?
    }
    private let clients = Mutex<[Way: HTTPClient]>([:])
    private let patience: Patience
    /// Of the environment; what is wrong with it is said when something is to be fetched.
    private let proxies: Result<Proxies, RegistryError>

    init(_ patience: Patience, _ proxies: Result<Proxies, RegistryError>) { (self.patience, self.proxies) = (patience, proxies) }

    func send(_ request: WireRequest, _ trust: Server.Trust, _ place: RegistryError.Place) async throws(RegistryError) -> WireAnswer {
        var message = HTTPClientRequest(url: request.address.text)
        message.method = request.method
        message.headers = request.headers
        switch request.body {
        case nil: break
        case .bytes(let bytes): message.body = .bytes(ByteBuffer(bytes: bytes))
        case .file(let part): message.body = .stream(part.pieces, length: .known(Int64(part.size)))
        }
        let way = Way(trust: trust, proxy: try proxies.get().proxy(for: request.address))
        do {
            let deadline: NIODeadline = request.seconds.map { .now() + .seconds($0) } ?? .distantFuture
            let answer = try await client(way).execute(message, deadline: deadline)
            return WireAnswer(status: Int(answer.status.code), headers: answer.headers, body: answer.body, address: request.address)
        } catch {
            throw Self.failure(error, request.address, place)
        }
    }

    /// What went wrong below HTTP, in words.
    static func failure(_ error: any Error, _ address: WebAddress, _ place: RegistryError.Place) -> RegistryError {
        if let error = error as? RegistryError { return error }
        if error is CancellationError || Task.isCancelled { return .cancelled(place) }
        let reason: String
        if let error = error as? HTTPClientError {
            if error == .cancelled { return .cancelled(place) }
            reason = words(error)
            // Asked again it says no again.
            if error == .proxyAuthenticationRequired {
                return .answer(place, reason: "\(address.origin): the proxy wants other credentials")
            }
            if error == .connectTimeout { return .unreachable(place, reason: "\(address.origin): \(reason)") }
        } else if let error = error as? IOError {
            let system = SysError(error.errnoCode, "connect", on: address.origin)
            reason = system.reason
            if [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT].contains(error.errnoCode) {
                return .unreachable(place, reason: "\(address.origin): \(reason)")
            }
        } else if error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError {
            // A certificate does not become better by asking again.
            return .answer(place, reason: "\(address.origin): TLS: \(shown("\(error)"))")
        } else if let error = error as? NIOConnectionError {
            return .unreachable(place, reason: "\(address.origin): \(shown(words(error)))")
        } else {
            reason = "\(error)"
        }
        return .connection(place, reason: "\(address.origin): \(shown(reason))")
    }

    private static func words(_ error: NIOConnectionError) -> String {
        guard let first = error.connectionErrors.first else { return "there is no such host, or its name cannot be resolved" }
        guard let system = first.error as? IOError else { return "\(first.error)" }
        return SysError(system.errnoCode, "connect").reason
    }

    private static func words(_ error: HTTPClientError) -> String {
        if error == .connectTimeout { return "no connection within the time" }
        if error == .readTimeout { return "nothing comes any more" }
        if error == .writeTimeout { return "nothing is taken any more" }
        if error == .deadlineExceeded { return "no answer within the time" }
        if error == .remoteConnectionClosed { return "the connection was closed" }
        if error == .tlsHandshakeTimeout { return "no TLS handshake within the time" }
        return error.shortDescription
    }

    private func client(_ way: Way) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[way] { return client }
            let trust = way.trust
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .disallow
            configuration.httpVersion = .http1Only
            configuration.decompression = .disabled
            configuration.timeout = .init(
                connect: .milliseconds(patience.connectMilliseconds), read: .milliseconds(patience.idleMilliseconds),
                write: .milliseconds(patience.idleMilliseconds))
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = patience.parallelDownloads + 4
            var tls = TLSConfiguration.makeClientConfiguration()
            if trust.isInsecure { tls.certificateVerification = .none }
            if let file = trust.certificates { tls.trustRoots = .file(file) }
            configuration.tlsConfiguration = tls
            if let proxy = way.proxy { configuration.proxy = HTTPClient.Configuration.Proxy(proxy) }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[way] = client
            return client
        }
    }

    func close() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all { try? await client.shutdown() }
    }
}

extension HTTPClient.Configuration.Proxy {
    /// A request of either scheme goes through an HTTP proxy by CONNECT.
    fileprivate init(_ proxy: Proxies.Proxy) {
        switch proxy.kind {
        case .http:
            let authorization = proxy.user.map { HTTPClient.Authorization.basic(username: $0, password: proxy.password ?? "") }
            self = .server(host: proxy.host, port: proxy.port, authorization: authorization)
        case .socks5: self = .socksServer(host: proxy.host, port: proxy.port)
        }
    }
}
