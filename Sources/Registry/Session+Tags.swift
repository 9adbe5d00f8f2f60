internal import Images
internal import NIOHTTP1
internal import OCI

extension RegistryClient {
    /// All tags of a repository, in the registry's order (distribution-spec, "Listing Tags").
    package func tags(of reference: Reference) async throws(RegistryError) -> [String] {
        let place = RegistryError.Place("list tags of", reference.name)
        return try await first(of: try sessions(for: reference.host)) { (session) throws(RegistryError) in
            try await session.tags(reference.repository, place)
        }.0
    }
}

extension Session {
    private static var tagLimit: Int { 10_000 }

    fileprivate func tags(_ repository: String, _ place: RegistryError.Place) async throws(RegistryError) -> [String] {
        var tags: [String] = []
        var next: WebAddress? = server.address(repository, "tags/list").adding(query: "n", "1000")
        while let address = next {
            let (answer, bytes) = try await fetch(
                Request(.GET, address, [.pull(repository)], place), limit: 4 << 20, what: "the list of tags")
            let page: [String]
            do { page = try JSONField(try JSON(parsing: bytes)).member("tags").strings() } catch {
                throw .answer(place, reason: "the list of tags: \(error)")
            }
            for tag in page {
                guard ImageName.isTag(tag) else { throw .answer(place, reason: "`\(shown(tag))` is no tag") }
                tags.append(tag)
            }
            guard tags.count <= Self.tagLimit else { throw .limit(place, what: "it has more than \(Self.tagLimit) tags") }
            next = try following(answer, place)
            // A page without tags that is not the last would be without end.
            if page.isEmpty { next = nil }
        }
        return tags
    }

    /// `Link: </v2/…?last=…>; rel="next"` (RFC 8288); on this server only.
    private func following(_ answer: WireAnswer, _ place: RegistryError.Place) throws(RegistryError) -> WebAddress? {
        guard let link = answer.headers["Link"].first(where: { $0.range(of: "rel=\"next\"") != nil || $0.range(of: "rel=next") != nil }),
            let start = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">"), start < end
        else { return nil }
        guard let address = answer.address.resolving(String(link[link.index(after: start)..<end])), address.isSameOrigin(as: server.origin)
        else { throw .answer(place, reason: "the next page of tags is not on the same server") }
        return address
    }
}
