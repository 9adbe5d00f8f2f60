internal import Crypto
internal import NIOHTTP1
internal import OCI

/// A manifest or index as the registry has it.
struct FetchedManifest: Sendable {
    let bytes: [UInt8]
    let document: JSON
    let mediaType: String
    let digest: OCI.Digest
}

extension MediaType {
    /// What a registry is told that we can read.
    static let accepted = [index, manifest, dockerList, dockerManifest]
    /// Docker's first formats, which name no configuration.
    static func isSchema1(_ type: String) -> Bool { type.hasPrefix("application/vnd.docker.distribution.manifest.v1+") }
}

extension Session {
    /// A small answer with its body; a connection that breaks in the middle of it is a failure like others.
    func fetch(_ request: Request, limit: Int, what: String) async throws(RegistryError) -> (answer: WireAnswer, bytes: [UInt8]) {
        var pauses = Pauses(patience, request.place)
        while true {
            let answer = try await send(request)
            let tooLong = RegistryError.limit(request.place, what: "\(what) is longer than \(limit) bytes")
            if let length = answer.header("Content-Length").flatMap({ Int64($0) }), length > limit { throw tooLong }
            do {
                guard let bytes = try await answer.collect(limit: limit) else { throw tooLong }
                return (answer, bytes)
            } catch {
                let failure = Wire.failure(error, answer.address, request.place)
                guard failure.isPassing else { throw failure }
                try await pauses.pause(after: failure)
            }
        }
    }

    /// `reference`: a tag or a digest. Content that is named by a digest is what that says, or an error.
    func manifest(
        _ repository: String, _ reference: String, expecting descriptor: Descriptor? = nil, _ place: RegistryError.Place
    ) async throws(RegistryError) -> FetchedManifest {
        if let descriptor, descriptor.size > UInt64(Manifest.limit) {
            throw .limit(place, what: "the manifest is longer than \(Manifest.limit) bytes")
        }
        var request = Request(.GET, server.address(repository, "manifests/\(reference)"), [.pull(repository)], place)
        request.headers.add(name: "Accept", value: MediaType.accepted.joined(separator: ", "))
        let (answer, bytes) = try await fetch(request, limit: Manifest.limit, what: "the manifest")
        let wanted = descriptor?.digest ?? OCI.Digest(reference)
        let digest = contentDigest(wanted?.algorithm ?? .sha256, bytes)
        if let wanted, wanted != digest { throw .digestMismatch(place, wanted: wanted.description, found: digest.description) }
        if let descriptor, descriptor.size != UInt64(bytes.count) {
            throw .answer(place, reason: "manifest \(digest) has \(bytes.count) bytes, the index says \(descriptor.size)")
        }
        // A registry that contradicts itself is not believed.
        if let said = answer.header("Docker-Content-Digest").flatMap({ OCI.Digest($0) }), said.algorithm == digest.algorithm, said != digest
        {
            throw .digestMismatch(place, wanted: said.description, found: digest.description)
        }
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch { throw .answer(place, reason: "manifest \(digest): \(error)") }
        let type = try mediaType(document, answer.header("Content-Type"), descriptor?.mediaType, place)
        return FetchedManifest(bytes: bytes, document: document, mediaType: type, digest: digest)
    }

    /// What the document says that it is; else what the registry or the index says.
    private func mediaType(_ document: JSON, _ header: String?, _ expected: String?, _ place: RegistryError.Place) throws(RegistryError)
        -> String
    {
        let header = header.map { String($0.prefix { $0 != ";" }).split(separator: " ").joined() }
        let own = document["mediaType"]?.string
        let named = own ?? header.flatMap { MediaType.accepted.contains($0) || MediaType.isSchema1($0) ? $0 : nil } ?? expected
        if let type = named, MediaType.isSchema1(type) { throw .unsupported(place, what: "Docker's image format of schema 1") }
        if case .integer(1)? = document["schemaVersion"] { throw .unsupported(place, what: "Docker's image format of schema 1") }
        guard let type = named else {
            throw .unsupported(place, what: "content of type `\(shown(header ?? "unknown"))` instead of an image manifest or index")
        }
        guard MediaType.isIndex(type) || MediaType.isManifest(type) else {
            throw .unsupported(place, what: "a manifest of type `\(shown(type))`")
        }
        // One document may not be an index to one reader and a manifest to another (CVE-2021-41190).
        if let header, MediaType.accepted.contains(header), MediaType.isIndex(header) != MediaType.isIndex(type) {
            throw .answer(place, reason: "the registry calls it `\(header)`, the document itself `\(shown(type))`")
        }
        return type
    }
}

func contentDigest(_ algorithm: OCI.Digest.Algorithm, _ bytes: [UInt8]) -> OCI.Digest {
    switch algorithm {
    case .sha256: OCI.Digest(.sha256, bytes: SHA256.hash(data: bytes))
    case .sha512: OCI.Digest(.sha512, bytes: SHA512.hash(data: bytes))
    }
}
