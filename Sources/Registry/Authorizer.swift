internal import LinuxSys
internal import NIOHTTP1
internal import OCI

/// What is to be done in a repository: `repository:NAME:ACTIONS` (distribution, token scope).
struct Scope: Hashable, Sendable, CustomStringConvertible {
    let repository: String
    let actions: String
    static func pull(_ repository: String) -> Scope { Scope(repository: repository, actions: "pull") }
    static func push(_ repository: String) -> Scope { Scope(repository: repository, actions: "pull,push") }
    var description: String { "repository:\(repository):\(actions)" }
}

/// Answers the challenges of one server: Basic, or Bearer with tokens that are kept as long as they are good.
actor Authorizer {
    private enum Method { case basic, bearer(TokenRealm) }
    private struct Token {
        let value: String
        /// Monotonic nanoseconds.
        let goodUntil: UInt64
    }
    private let server: Server
    private let wire: Wire
    private let source: any CredentialSource
    private var method: Method?
    private var credentials: Credentials?
    private var hasAsked = false
    private var tokens: [[Scope]: Token] = [:]
    private var underWay: [[Scope]: Task<Token, any Error>] = [:]

    init(_ server: Server, _ wire: Wire, _ source: any CredentialSource) {
        (self.server, self.wire, self.source) = (server, wire, source)
    }

    /// What to send with a request; nil as long as the server has not asked.
    func header(_ scopes: [Scope], _ place: RegistryError.Place) async throws(RegistryError) -> String? {
        switch method {
        case nil: return nil
        case .basic:
            guard case .password(let user, let password)? = try await known() else { return nil }
            return "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
        case .bearer(let realm):
            if case .registryToken(let token)? = try await known() { return "Bearer \(token)" }
            return "Bearer \(try await token(realm, scopes, place).value)"
        }
    }

    /// After a 401. `sent`: the header that was refused. False: there is nothing better to send.
    func accept(_ challenges: [Challenge], sent: String?, scopes: [Scope], _ place: RegistryError.Place) async throws(RegistryError) -> Bool
    {
        for challenge in challenges where challenge.scheme == "bearer" {
            let realm = try TokenRealm(challenge, of: server, place)
            let isNew = if case .bearer(let old)? = method { old != realm } else { true }
            method = .bearer(realm)
            if isNew { tokens = [:] }
            if case .registryToken? = try await known() { return sent == nil }
            // A token that was good may have become bad: another one is asked for, once for all who were refused with it.
            if let sent, let token = tokens[scopes], sent == "Bearer \(token.value)" { tokens[scopes] = nil }
            return true
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else { return false }
        guard case .password? = try await known() else { return false }
        method = .basic
        return sent == nil || !(sent?.hasPrefix("Basic ") ?? false)
    }

    var hasCredentials: Bool { credentials != nil }

    /// Asked for once, and only when the server wants any.
    private func known() async throws(RegistryError) -> Credentials? {
        if hasAsked { return credentials }
        let (source, host) = (source, server.credentialsHost)
        credentials = try await offThread { () throws(RegistryError) in try source.credentials(for: host) }
        hasAsked = true
        return credentials
    }

    private func token(_ realm: TokenRealm, _ scopes: [Scope], _ place: RegistryError.Place) async throws(RegistryError) -> Token {
        if let token = tokens[scopes], token.goodUntil > monotonicNanoseconds() { return token }
        let task: Task<Token, any Error>
        if let other = underWay[scopes] {
            task = other
        } else {
            let (credentials, wire) = (try await known(), wire)
            task = Task {
                let (value, seconds, _) = try await realm.token(credentials, scopes, wire, place)
                return Token(value: value, goodUntil: monotonicNanoseconds() + UInt64(max(1, seconds - 5)) * 1_000_000_000)
            }
            underWay[scopes] = task
        }
        defer { if underWay[scopes] == task { underWay[scopes] = nil } }
        do {
            let token = try await task.value
            tokens[scopes] = token
            return token
        } catch {
            throw Wire.failure(error, realm.address, place)
        }
    }
}
