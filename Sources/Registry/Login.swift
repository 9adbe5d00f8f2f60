internal import NIOHTTP1
internal import OCI

extension RegistryClient {
    /// Tries credentials at the registry; what is to be kept of them: an identity token, where its token server gives one.
    package func check(user: String, password: String, for host: String) async throws(RegistryError) -> Credentials {
        let place = RegistryError.Place("log in to", host)
        let credentials = Credentials.password(user: user, password: password)
        guard let server = try Server.all(for: host, settings).last else { throw .reference(host, reason: "not the name of a registry") }
        var address = server.origin
        address.target = "/v2/"
        var request = WireRequest(.GET, address, headers: ["User-Agent": userAgent])
        request.seconds = 60
        let answer = try await wire.send(request, server.trust, place)
        if answer.status == 200 { return credentials }
        let challenges = Challenge.all(answer.headers["WWW-Authenticate"])
        guard answer.status == 401, !challenges.isEmpty else {
            throw .refused(place, status: answer.status, reason: "\(address.origin) is no registry that asks for credentials")
        }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            let realm = try TokenRealm(bearer, of: server, place)
            let found = try await realm.token(credentials, [], wire, place, wantsRefreshToken: true)
            request.headers.add(name: "Authorization", value: "Bearer \(found.token)")
            try await requireSuccess(request, server, place)
            return found.refresh.map { .identityToken($0) } ?? credentials
        }
        request.headers.add(name: "Authorization", value: "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")
        try await requireSuccess(request, server, place)
        return credentials
    }

    private func requireSuccess(_ request: WireRequest, _ server: Server, _ place: RegistryError.Place) async throws(RegistryError) {
        let answer = try await wire.send(request, server.trust, place)
        switch answer.status {
        case 200..<300: return
        case 401: throw .unauthorized(place, reason: "the registry does not accept user and password")
        case 403: throw .forbidden(place, reason: "the registry does not say why")
        case 429: throw .tooManyRequests(place, retryAfter: retryAfter(answer))
        default: throw .refused(place, status: answer.status, reason: "of \(server.origin.origin)")
        }
    }
}
