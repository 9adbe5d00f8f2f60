/// What one registry knows its user by.
package enum Credentials: Equatable, Sendable {
    case password(user: String, password: String)
    /// A refresh token of an OAuth2 server: exchanged for tokens of access.
    case identityToken(String)
    /// A token of access, sent as it is.
    case registryToken(String)
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Never the secret: this ends up in logs.
    package var description: String {
        switch self {
        case .password(let user, _): "password of \(user)"
        case .identityToken: "an identity token"
        case .registryToken: "a registry token"
        }
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where credentials come from.
package protocol CredentialSource: Sendable {
    /// Nil: none for that registry. May block.
    func credentials(for host: String) throws(RegistryError) -> Credentials?
}

/// Credentials for one registry and no other, as a caller gave them.
package struct FixedCredentials: CredentialSource {
    private let host: String
    private let known: Credentials?

    /// None at all.
    package init() {
        host = ""
        known = nil
    }

    package init(_ credentials: Credentials, for host: String) {
        self.host = host
        known = credentials
    }

    package func credentials(for host: String) -> Credentials? { host == self.host ? known : nil }
}

extension Credentials {
    /// The members of an `auths` entry of docker's config.json, which CRI's AuthConfig has as well; empty: not there.
    package struct Fields: Sendable {
        let user: String, password: String, auth: String, identityToken: String, registryToken: String

        package init(user: String, password: String, auth: String, identityToken: String, registryToken: String) {
            (self.user, self.password, self.auth) = (user, password, auth)
            (self.identityToken, self.registryToken) = (identityToken, registryToken)
        }

        /// Tokens before passwords; nil when there is nothing.
        package var credentials: Credentials? {
            get throws(RegistryError) {
                if !identityToken.isEmpty { return .identityToken(identityToken) }
                if !registryToken.isEmpty { return .registryToken(registryToken) }
                if !user.isEmpty { return .password(user: user, password: password) }
                guard !auth.isEmpty else { return nil }
                guard let pair = DockerConfig.pair(auth: auth) else {
                    throw .settings(subject: "auth.auth", reason: "it is not user:password in base64")
                }
                return pair
            }
        }
    }
}
