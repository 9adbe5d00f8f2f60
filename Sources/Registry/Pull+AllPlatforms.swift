internal import Images
internal import OCI

/// An index as a whole.
extension Pull {
    /// Every document below `top`, and what the manifests name. `chosen` is there already.
    func whole(
        _ top: FetchedManifest, _ chosen: FetchedManifest, _ sessions: [Session]
    ) async throws(RegistryError) -> (index: PlannedIndex, manifests: Int) {
        var index = PlannedIndex()
        var manifests = 0
        try await add(top, depth: 0, chosen, sessions, &index, &manifests)
        return (index, manifests)
    }

    private func add(
        _ found: FetchedManifest, depth: Int, _ chosen: FetchedManifest, _ sessions: [Session], _ index: inout PlannedIndex,
        _ manifests: inout Int
    ) async throws(RegistryError) {
        try keep(found, in: &index)
        guard MediaType.isIndex(found.mediaType) else {
            manifests += 1
            let content: [Descriptor]
            do { content = try Manifest.content(json: found.document) } catch {
                throw .answer(place, reason: "manifest \(found.digest): \(error)")
            }
            return try keep(found, content: content, in: &index)
        }
        guard depth < PlannedIndex.nesting else {
            throw .limit(place, what: "image indexes are nested deeper than \(PlannedIndex.nesting)")
        }
        let children: [Descriptor]
        do { children = try Index(json: found.document).manifests } catch {
            throw .answer(place, reason: "index \(found.digest): \(error)")
        }
        for child in children where !index.has(child.digest) {
            guard MediaType.isIndex(child.mediaType) || MediaType.isManifest(child.mediaType) else {
                throw .unsupported(place, what: "content of type `\(shown(child.mediaType))` in an index")
            }
            let document = child.digest == chosen.digest ? chosen : try await fetch(child, sessions)
            try await add(document, depth: depth + 1, chosen, sessions, &index, &manifests)
        }
    }

    func keep(_ found: FetchedManifest, content: [Descriptor] = [], in index: inout PlannedIndex) throws(RegistryError) {
        index.add(.init(found.bytes, found.digest))
        index.add(content: content)
        if let excess = index.excess { throw .limit(place, what: excess) }
    }
}
