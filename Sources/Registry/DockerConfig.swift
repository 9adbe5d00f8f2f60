internal import Glibc
internal import Images
internal import LinuxSys
internal import OCI

/// `config.json` of docker's command, which podman, skopeo and others read as well: credentials by registry (`auths`), or the programs
/// that keep them (`credHelpers` by registry, `credsStore` for all others).
package struct DockerConfig: CredentialSource {
    private let path: String
    private let helpers: CredentialHelpers
    private static let limit = 4 << 20

    /// `$DOCKER_CONFIG/config.json`, else `$HOME/.docker/config.json`.
    package init(environment: [String: String]) {
        let directory = environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(environment["HOME"] ?? "/root")/.docker"
        path = "\(directory)/config.json"
        helpers = CredentialHelpers(environment: environment)
    }

    package func credentials(for host: String) throws(RegistryError) -> Credentials? {
        let document = try read()
        if let program = try helper(for: host, document) { return try helpers.get(program, Self.key(host)) }
        return try fields { () throws(FieldError) in
            let auths = try JSONField(document).member("auths")
            for (name, entry) in try auths.members() where Self.host(ofKey: name) == host {
                if let found = try Self.credentials(entry) { return found }
            }
            return nil
        }
    }

    /// Keeps credentials; where, in words for a person.
    package func store(_ credentials: Credentials, for host: String) throws(RegistryError) -> String {
        var document = try read()
        if let program = try helper(for: host, document) {
            try helpers.store(program, Self.key(host), credentials)
            return "docker-credential-\(program)"
        }
        document = try changed(document, host) { () -> JSON in
            switch credentials {
            case .password(let user, let password): ["auth": .string(Base64.encode(Array("\(user):\(password)".utf8)))]
            case .identityToken(let token):
                ["auth": .string(Base64.encode(Array("\(Self.tokenUser):".utf8))), "identitytoken": .string(token)]
            case .registryToken(let token): ["registrytoken": .string(token)]
            }
        }
        try write(document)
        return path
    }

    /// Forgets the credentials for a registry. False: there were none.
    package func erase(for host: String) throws(RegistryError) -> Bool {
        let document = try read()
        var found = false
        if let program = try helper(for: host, document) {
            found = try helpers.get(program, Self.key(host)) != nil
            if found { try helpers.erase(program, Self.key(host)) }
        }
        let rest = try changed(document, host, to: nil)
        guard rest != document else { return found }
        try write(rest)
        return true
    }

    private static let hub = "docker.io"

    /// The key of docker.io is from its first days.
    static func key(_ host: String) -> String { host == hub ? "https://index.\(host)/v1/" : host }

    /// Keys are hosts, or addresses from the days of version 1: `https://host/v1/`.
    static func host(ofKey key: String) -> String {
        var rest = key[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let host = String(rest.prefix { $0 != "/" })
        return host == "index.\(hub)" || host == "registry-1.\(hub)" ? hub : host
    }

    /// Stands for the user where a token is all there is (as docker's helpers have it).
    static let tokenUser = "<token>"

    static func credentials(_ entry: JSONField) throws(FieldError) -> Credentials? {
        if let token = try entry.member("identitytoken").optionalString(), !token.isEmpty { return .identityToken(token) }
        if let token = try entry.member("registrytoken").optionalString(), !token.isEmpty { return .registryToken(token) }
        if let text = try entry.member("auth").optionalString(), !text.isEmpty {
            guard let pair = Self.pair(auth: text) else { throw FieldError("\(entry.path).auth", "is not user:password in base64") }
            return pair
        }
        guard let user = try entry.member("username").optionalString(), let password = try entry.member("password").optionalString() else {
            return nil
        }
        return .password(user: user, password: password)
    }

    /// `user:password` in base64.
    static func pair(auth text: String) -> Credentials? {
        guard let bytes = Base64.decode(text), let pair = String(validating: bytes, as: UTF8.self), let colon = pair.firstIndex(of: ":")
        else {
            return nil
        }
        // Older dockers ended it by a NUL.
        let password = pair[pair.index(after: colon)...].prefix { $0 != "\0" }
        return .password(user: String(pair[..<colon]), password: String(password))
    }

    private func helper(for host: String, _ document: JSON) throws(RegistryError) -> String? {
        try fields { () throws(FieldError) in
            let field = JSONField(document)
            for (name, entry) in try field.member("credHelpers").members() where Self.host(ofKey: name) == host {
                return try entry.string()
            }
            return try field.member("credsStore").optionalString().flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    private func changed(_ document: JSON, _ host: String, _ entry: () -> JSON) throws(RegistryError) -> JSON {
        try changed(document, host, to: entry())
    }

    private func changed(_ document: JSON, _ host: String, to entry: JSON?) throws(RegistryError) -> JSON {
        guard case .object(var object) = document else { throw .settings(subject: path, reason: "an object expected") }
        var auths = object["auths"]?.object ?? JSONObject()
        let old = auths.members.map(\.name).filter { Self.host(ofKey: $0) == host }
        if entry == nil, old.isEmpty { return document }
        for name in old { auths[name] = nil }
        if let entry { auths[Self.key(host)] = entry }
        object["auths"] = .object(auths)
        return .object(object)
    }

    private func fields<T>(_ body: () throws(FieldError) -> T) throws(RegistryError) -> T {
        do { return try body() } catch { throw .settings(subject: path, reason: error.description) }
    }

    private func read() throws(RegistryError) -> JSON {
        let bytes: [UInt8]
        do { bytes = try FD.open(path, O_RDONLY).readAll(limit: Self.limit) } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return [:] }
            throw .kernel(SysError(error.errno, "read", on: path))
        }
        do { return try JSON(parsing: bytes) } catch { throw .settings(subject: path, reason: error.description) }
    }

    /// As a whole and with mode 0600, whatever it had before.
    private func write(_ document: JSON) throws(RegistryError) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        do throws(SysError) {
            if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: directory) }
            let temporary = "\(path).\(getpid()).new"
            _ = unsafe unlink(temporary)
            do throws(SysError) {
                let file = try FD.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(document.encoded(pretty: true) + [0x0a])
                guard fsync(file.raw) == 0 else { throw SysError(errno, "fsync", on: temporary) }
                guard unsafe rename(temporary, path) == 0 else { throw SysError(errno, "rename", on: path) }
            } catch {
                _ = unsafe unlink(temporary)
                throw error
            }
        } catch {
            throw .kernel(error)
        }
    }
}
