internal import NIOHTTP1
internal import OCI

/// Where tokens are to be had (distribution, token authentication; OAuth2 with a refresh token).
struct TokenRealm: Equatable, Sendable {
    let address: WebAddress
    let service: String?
    /// Some servers want another scope than the specification's for the request.
    let scope: String?
    /// The registry's own authority counts here as well; that its certificate is not checked does not, on another host.
    let trust: Server.Trust
    private static let limit = 1 << 20
    private static let client = "swiftlet"

    init(_ challenge: Challenge, of server: Server, _ place: RegistryError.Place) throws(RegistryError) {
        guard let text = challenge.parameters["realm"], let address = WebAddress(text) else {
            throw .answer(place, reason: "the registry names no place for tokens that could be asked")
        }
        // A registry that is spoken to in secret does not get to have the password sent in the clear.
        guard address.scheme == .https || address.isLoopback || server.origin.scheme == .http else {
            throw .answer(place, reason: "the registry wants tokens to be asked for without TLS, at \(address.origin)")
        }
        self.address = address
        service = challenge.parameters["service"]
        scope = challenge.parameters["scope"]
        trust = Server.Trust(
            isInsecure: server.trust.isInsecure && address.host == server.origin.host, certificates: server.trust.certificates)
    }

    /// The token, for how many seconds it is good, and the refresh token if there came one.
    func token(
        _ credentials: Credentials?, _ scopes: [Scope], _ wire: Wire, _ place: RegistryError.Place,
        wantsRefreshToken: Bool = false
    ) async throws(RegistryError) -> (token: String, seconds: Int64, refresh: String?) {
        var request: WireRequest
        if case .identityToken(let refresh)? = credentials {
            request = WireRequest(.POST, address, headers: ["Content-Type": "application/x-www-form-urlencoded"])
            var form = [("grant_type", "refresh_token"), ("client_id", Self.client), ("refresh_token", refresh)]
            if let service { form.append(("service", service)) }
            form += words(scopes).map { ("scope", $0) }
            request.body = .bytes(Array(form.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&").utf8))
        } else {
            var address = address
            if let service { address = address.adding(query: "service", service) }
            for scope in words(scopes) { address = address.adding(query: "scope", scope) }
            request = WireRequest(.GET, address)
            if case .password(let user, let password)? = credentials {
                request.address = request.address.adding(query: "account", user)
                request.headers.add(name: "Authorization", value: "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")
            }
            if wantsRefreshToken {
                request.address = request.address.adding(query: "offline_token", "true").adding(query: "client_id", Self.client)
            }
        }
        request.headers.add(name: "User-Agent", value: userAgent)
        request.seconds = 60
        let answer = try await wire.send(request, trust, place)
        return try await read(answer, hasCredentials: credentials != nil, place)
    }

    private func words(_ scopes: [Scope]) -> [String] {
        let own = scopes.map(\.description)
        guard own.isEmpty, let scope else { return own }
        return [scope]
    }

    private func read(_ answer: WireAnswer, hasCredentials: Bool, _ place: RegistryError.Place) async throws(RegistryError)
        -> (token: String, seconds: Int64, refresh: String?)
    {
        let bytes: [UInt8]?
        do { bytes = try await answer.collect(limit: Self.limit) } catch { throw Wire.failure(error, address, place) }
        switch answer.status {
        case 200..<300: break
        case 401 where hasCredentials, 400 where hasCredentials:
            throw .unauthorized(place, reason: "\(address.origin) does not accept the credentials")
        case 401: throw .unauthorized(place, reason: "\(address.origin) wants credentials (`swiftlet login`)")
        case 403: throw .forbidden(place, reason: "\(address.origin) gives no token for it")
        case 429: throw .tooManyRequests(place, retryAfter: retryAfter(answer))
        default: throw .refused(place, status: answer.status, reason: "of the token server \(address.origin)")
        }
        guard let bytes else { throw .limit(place, what: "the token server's answer is longer than \(Self.limit) bytes") }
        do {
            let field = JSONField(try JSON(parsing: bytes))
            let token = try field.member("token").optionalString() ?? field.member("access_token").optionalString() ?? ""
            guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw RegistryError.answer(place, reason: "\(address.origin) sends no token")
            }
            let seconds = try field.member("expires_in").optionalInteger(Int64.self) ?? 60
            return (token, min(max(seconds, 1), 86_400), try field.member("refresh_token").optionalString())
        } catch let error as RegistryError {
            throw error
        } catch {
            // The text itself could hold the token.
            throw .answer(place, reason: "the token server's answer is not what the protocol has")
        }
    }
}
