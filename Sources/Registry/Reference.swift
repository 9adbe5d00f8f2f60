internal import Images
package import OCI

/// An image in a registry: `[host[:port]/]repository[:tag][@digest]`. A digest stands above a tag.
package struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// `docker.io`, `localhost:5000`.
    package let host: String
    /// Without the host.
    package let repository: String
    package let tag: String?
    package let digest: Digest?

    package init(_ text: String) throws(RegistryError) {
        guard let full = ImageName.full(text) else { throw .reference(text, reason: "not a reference ([host[:port]/]name[:tag][@digest])") }
        guard let slash = full.firstIndex(of: "/") else { throw .reference(text, reason: "it names no repository") }
        let parts = full.split(separator: "@", maxSplits: 1).map(String.init)
        host = String(full[..<slash])
        var name = String(parts[0][full.index(after: slash)...])
        digest = parts.count == 2 ? Digest(parts[1]) : nil
        if let colon = name.lastIndex(of: ":") {
            tag = String(name[name.index(after: colon)...])
            name = String(name[..<colon])
        } else {
            tag = nil
        }
        repository = name
    }

    private init(host: String, repository: String, tag: String) {
        (self.host, self.repository, self.tag) = (host, repository, tag)
        digest = nil
    }

    package func with(tag: String) -> Reference { Reference(host: host, repository: repository, tag: tag) }

    /// `host/repository`.
    package var name: String { "\(host)/\(repository)" }
    /// The last part of a manifest's address.
    var manifest: String { digest?.description ?? tag ?? "latest" }
    package var description: String { name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }
}
