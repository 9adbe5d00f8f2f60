internal import Glibc
internal import Images
internal import LinuxSys
internal import OCI

/// How patient a registry client is, and how much it does at once.
package struct Patience: Sendable {
    package var connectMilliseconds: Int64 = 10_000
    /// Without a byte.
    package var idleMilliseconds: Int64 = 30_000
    /// Tries of one request after the first.
    package var retries = 5
    /// Before the second try; twice as long before each further one, never longer than `longestDelay`.
    package var firstDelayMilliseconds: Int64 = 250
    package var longestDelayMilliseconds: Int64 = 10_000
    /// A server that wants a longer pause than this is an error.
    package var longestRetryAfter = 60
    package var parallelDownloads = 4
    /// Bytes of one part of an upload; what is not longer goes as a whole.
    package var uploadPart: UInt64 = 32 << 20
    package init() {}
}

/// Where registries are, and how to speak to them: a JSON file,
///
///     { "registries": {
///         "docker.io":    { "mirrors": [ { "location": "mirror.example:5000/hub", "ca": "/etc/ssl/mirror.pem" } ] },
///         "reg.example":  { "location": "http://10.0.0.7:5000", "insecure": true } } }
///
/// A location is `[http://|https://]host[:port][/prefix]`. Without a scheme it is https, and http for loopback addresses.
/// `insecure`: its certificate is not checked. `ca`: a PEM file with what it is checked against instead of the system's.
package struct RegistrySettings: Equatable, Sendable {
    package struct Location: Equatable, Sendable {
        package var location: String
        package var isInsecure = false
        package var certificates: String?
        package init(location: String) { self.location = location }
    }
    package struct Registry: Equatable, Sendable {
        /// Of the registry itself; nil: its name says where it is.
        package var own: Location?
        /// Asked first, in this order. Nothing is pushed to them.
        package var mirrors: [Location] = []
        package init() {}
    }
    package var registries: [String: Registry] = [:]
    /// Hosts to which plain HTTP is spoken because the caller said so.
    package var plainHosts: Set<String> = []

    package init() {}

    package static let standardPath = "/etc/swiftlet/registries.json"
    private static let limit = 1 << 20

    /// A file that is not there says nothing.
    package init(file path: String) throws(RegistryError) {
        let bytes: [UInt8]
        do { bytes = try FD.open(path, O_RDONLY).readAll(limit: Self.limit) } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR else { throw .kernel(SysError(error.errno, "read", on: path)) }
            self.init()
            return
        }
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch { throw .settings(subject: path, reason: error.description) }
        do throws(FieldError) { try self.init(json: document) } catch { throw .settings(subject: path, reason: error.description) }
    }

    init(json document: JSON) throws(FieldError) {
        let field = JSONField(document)
        try field.onlyMembers(["registries"])
        for (name, member) in try field.member("registries").members() {
            try member.onlyMembers(["location", "insecure", "ca", "mirrors"])
            guard WebAddress.split(authority: name) != nil else { throw FieldError(member.path, "`\(name)` is not host[:port]") }
            var registry = Registry()
            if try member.memberNames().contains(where: { $0 != "mirrors" }) { registry.own = try Location(member, otherwise: name) }
            for mirror in try member.member("mirrors").elements() {
                try mirror.onlyMembers(["location", "insecure", "ca"])
                registry.mirrors.append(try Location(mirror, otherwise: nil))
            }
            registries[name.lowercased()] = registry
        }
    }
}

extension RegistrySettings.Location {
    fileprivate init(_ field: JSONField, otherwise name: String?) throws(FieldError) {
        if let name {
            location = try field.member("location").optionalString() ?? name
        } else {
            location = try field.member("location").string()
        }
        isInsecure = try field.member("insecure").optionalBool() ?? false
        certificates = try field.member("ca").optionalString()
        if let certificates, !certificates.hasPrefix("/") { throw FieldError("\(field.path).ca", "an absolute path expected") }
        guard Server.parse(location: location) != nil else {
            throw FieldError("\(field.path).location", "`\(location)` is not [http://|https://]host[:port][/prefix]")
        }
    }
}

extension JSONField {
    /// A member that is not known would be a setting that does nothing.
    fileprivate func onlyMembers(_ names: Set<String>) throws(FieldError) {
        for name in try memberNames() where !names.contains(name) {
            throw FieldError(path.isEmpty ? name : "\(path).\(name)", "there is no such setting")
        }
    }
}

/// One place where a registry's content is to be had.
struct Server: Hashable, Sendable {
    /// How its certificate is checked.
    struct Trust: Hashable, Sendable {
        var isInsecure = false
        var certificates: String?
    }
    /// Scheme, host and port.
    let origin: WebAddress
    /// `` or `/prefix`, between `/v2` and the repository.
    let prefix: String
    let trust: Trust
    /// As credentials are filed.
    let credentialsHost: String
    let isMirror: Bool

    static func parse(location: String) -> (scheme: WebAddress.Scheme?, host: String, port: Int?, prefix: String)? {
        var rest = location[...]
        var scheme: WebAddress.Scheme?
        if let end = rest.range(of: "://") {
            guard let known = WebAddress.Scheme(rawValue: String(rest[..<end.lowerBound])) else { return nil }
            scheme = known
            rest = rest[end.upperBound...]
        }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        let authority = rest.prefix { $0 != "/" }
        guard let (host, port) = WebAddress.split(authority: authority) else { return nil }
        let prefix = rest.dropFirst(authority.count)
        // A prefix is put where a repository begins: it has to look like the beginning of one.
        guard prefix.isEmpty || ImageName.full("\(host)\(prefix)/x") != nil || ImageName.full("example.org\(prefix)/x") != nil else {
            return nil
        }
        return (scheme, host, port, String(prefix))
    }

    /// `mirror`: nil for the registry itself.
    init?(_ location: RegistrySettings.Location, mirrorOf registry: String?, isPlain: Bool = false) {
        guard let (scheme, host, port, prefix) = Self.parse(location: location.location) else { return nil }
        // Nobody listens in on loopback, and hardly a registry there has a certificate.
        let usual: WebAddress.Scheme = isPlain || WebAddress.isLoopback(host) && port != 443 ? .http : .https
        origin = WebAddress(scheme: scheme ?? usual, host: host, port: port)
        self.prefix = prefix
        trust = Trust(isInsecure: location.isInsecure, certificates: location.certificates)
        isMirror = registry != nil
        credentialsHost = port.map { "\(host):\($0)" } ?? host
    }

    private init(origin: WebAddress, prefix: String, trust: Trust, credentialsHost: String) {
        (self.origin, self.prefix, self.trust, self.credentialsHost) = (origin, prefix, trust, credentialsHost)
        isMirror = false
    }

    /// `/v2/<prefix><repository>/<rest>`.
    func address(_ repository: String, _ rest: String) -> WebAddress {
        var address = origin
        address.target = "/v2\(prefix)/\(repository)/\(rest)"
        return address
    }

    /// Whom to ask for what `host` has: its mirrors, then itself; always itself last.
    static func all(for host: String, _ settings: RegistrySettings) throws(RegistryError) -> [Server] {
        let name = host.lowercased()
        let registry = settings.registries[name] ?? RegistrySettings.Registry()
        // The registry that bears the name docker.io answers under another one.
        let usual = RegistrySettings.Location(location: name == "docker.io" ? "registry-1.\(name)" : name)
        guard let own = Server(registry.own ?? usual, mirrorOf: nil, isPlain: settings.plainHosts.contains(name)) else {
            throw .reference(host, reason: "not the name of a registry (host[:port])")
        }
        let itself = Server(origin: own.origin, prefix: own.prefix, trust: own.trust, credentialsHost: name)
        return registry.mirrors.compactMap { Server($0, mirrorOf: name) } + [itself]
    }
}
