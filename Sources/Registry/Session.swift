internal import LinuxSys
internal import NIOHTTP1
internal import OCI

let userAgent = "swiftlet/\(swiftletVersion)"

/// A request to a server as it is meant: redirects, credentials and further tries are the session's business.
struct Request: Sendable {
    var method: HTTPMethod
    var address: WebAddress
    var headers: HTTPHeaders = [:]
    var body: WireBody?
    var seconds: Int64? = 60
    let scopes: [Scope]
    let place: RegistryError.Place
    /// Statuses that are answers beside those of success.
    var accepted: Set<Int> = []
    /// Whether it may be sent again when nobody knows what became of it.
    var isRepeatable = true

    init(_ method: HTTPMethod, _ address: WebAddress, _ scopes: [Scope], _ place: RegistryError.Place) {
        (self.method, self.address, self.scopes, self.place) = (method, address, scopes, place)
    }
}

/// Speaks with one server.
final class Session: Sendable {
    let server: Server
    let wire: Wire
    let authorizer: Authorizer
    let patience: Patience
    private static let redirects = 10
    private static let errorLimit = 64 << 10

    init(_ server: Server, _ wire: Wire, _ source: any CredentialSource, _ patience: Patience) {
        (self.server, self.wire, self.patience) = (server, wire, patience)
        authorizer = Authorizer(server, wire, source)
    }

    /// An answer of success, or one of the accepted ones. Tries again what may pass.
    func send(_ request: Request) async throws(RegistryError) -> WireAnswer {
        var pauses = Pauses(patience, request.place)
        while true {
            let failure: RegistryError
            do {
                return try await authorized(request)
            } catch {
                failure = error
            }
            guard request.isRepeatable, failure.isPassing else { throw failure }
            try await pauses.pause(after: failure)
        }
    }

    /// One try, with what the server wants to know of who asks.
    private func authorized(_ request: Request) async throws(RegistryError) -> WireAnswer {
        var refused = 0
        while true {
            let header = try await authorizer.header(request.scopes, request.place)
            let answer = try await followed(request, header)
            if (200..<300).contains(answer.status) || request.accepted.contains(answer.status) { return answer }
            let error = try await failure(answer, request.place)
            guard answer.status == 401, answer.address.isSameOrigin(as: server.origin), refused < 2 else { throw error }
            refused += 1
            let challenges = Challenge.all(answer.headers["WWW-Authenticate"])
            guard try await authorizer.accept(challenges, sent: header, scopes: request.scopes, request.place) else { throw error }
        }
    }

    /// Follows redirects. What proves who we are goes to the server that asked for it and to nobody else.
    private func followed(_ request: Request, _ authorization: String?) async throws(RegistryError) -> WireAnswer {
        var address = request.address
        for _ in 0...Self.redirects {
            var wireRequest = WireRequest(request.method, address, headers: request.headers)
            wireRequest.headers.replaceOrAdd(name: "User-Agent", value: userAgent)
            let isOwn = address.isSameOrigin(as: server.origin)
            if isOwn, let authorization { wireRequest.headers.replaceOrAdd(name: "Authorization", value: authorization) }
            wireRequest.body = request.body
            wireRequest.seconds = request.seconds
            // Somebody else's certificate is checked as everybody's.
            let answer = try await wire.send(wireRequest, isOwn ? server.trust : Server.Trust(), request.place)
            guard [301, 302, 303, 307, 308].contains(answer.status), request.method == .GET || request.method == .HEAD else {
                return answer
            }
            guard let location = answer.header("Location"), let next = address.resolving(location) else {
                throw .answer(request.place, reason: "\(address.origin) redirects to no address")
            }
            guard next.scheme == .https || address.scheme == .http else {
                throw .answer(request.place, reason: "\(address.origin) redirects from https to http, at \(next.origin)")
            }
            address = next
        }
        throw .answer(request.place, reason: "more than \(Self.redirects) redirects")
    }

    /// The error that an answer is; what the registry says of it is in the body.
    private func failure(_ answer: WireAnswer, _ place: RegistryError.Place) async throws(RegistryError) -> RegistryError {
        let bytes: [UInt8]
        do { bytes = try await answer.collect(limit: Self.errorLimit) ?? [] } catch {
            if Task.isCancelled { throw .cancelled(place) }
            bytes = []
        }
        let said = Self.words(bytes)
        switch answer.status {
        case 401:
            let has = await authorizer.hasCredentials
            return .unauthorized(
                place,
                reason: has
                    ? "\(server.credentialsHost) does not accept the credentials"
                    : "no credentials for it (`swiftlet login \(server.credentialsHost)`)")
        case 403: return .forbidden(place, reason: said ?? "the registry does not say why")
        case 404: return .notFound(place, reason: said ?? "\(answer.address.origin) has no such thing")
        case 429: return .tooManyRequests(place, retryAfter: retryAfter(answer))
        case 503 where answer.header("Retry-After") != nil:
            return .tooManyRequests(place, retryAfter: retryAfter(answer))
        default: return .refused(place, status: answer.status, reason: said ?? "\(answer.address.origin) does not say why")
        }
    }

    /// `{"errors": [{"code": "NAME_UNKNOWN", "message": "…"}]}` (distribution-spec, "Error Codes").
    private static func words(_ bytes: [UInt8]) -> String? {
        guard let document = try? JSON(parsing: bytes), let first = document["errors"]?.array?.first else { return nil }
        let parts = [first["message"]?.string, first["code"]?.string].compactMap { $0 }.filter { !$0.isEmpty }
        guard let text = parts.first else { return nil }
        return shown(text)
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3).
func retryAfter(_ answer: WireAnswer) -> Int? {
    guard let text = answer.header("Retry-After") else { return nil }
    if let seconds = Int(text.split(separator: " ").joined()) { return max(0, seconds) }
    guard let date = HTTPDate.seconds(text) else { return nil }
    return Int(max(0, date - Int64(realtimeNanoseconds() / 1_000_000_000)))
}

/// The pauses between the tries of one thing.
struct Pauses: Sendable {
    private let patience: Patience
    private let place: RegistryError.Place
    private var tries = 0

    init(_ patience: Patience, _ place: RegistryError.Place) {
        self.patience = patience
        self.place = place
    }

    /// Something went well: the next failure is the first again.
    mutating func reset() { tries = 0 }

    /// Waits; throws the failure when it is enough.
    mutating func pause(after failure: RegistryError) async throws(RegistryError) {
        // Who is not there at all is rarely there a moment later.
        var retries = patience.retries
        if case .unreachable = failure { retries = min(retries, 2) }
        guard tries < retries else { throw failure }
        var milliseconds = min(patience.longestDelayMilliseconds, patience.firstDelayMilliseconds << Int64(min(tries, 16)))
        // Many who failed together are not to come back together.
        milliseconds += Int64.random(in: 0...max(1, milliseconds / 4))
        if case .tooManyRequests(_, let seconds?) = failure {
            guard seconds <= patience.longestRetryAfter else { throw failure }
            milliseconds = max(milliseconds, Int64(seconds) * 1000)
        }
        tries += 1
        do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch { throw .cancelled(place) }
    }
}
