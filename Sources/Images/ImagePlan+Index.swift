internal import OCI

/// What an index of an image layout names beside the image for this machine.
extension ArchiveReader {
    /// Nil when the descriptor is of a lone manifest.
    func plannedIndex(_ top: Descriptor) throws(ImageError) -> PlannedIndex? {
        guard MediaType.isIndex(top.mediaType) else { return nil }
        var planned = PlannedIndex()
        try walk(top, depth: 0, &planned)
        return planned
    }

    private func walk(_ descriptor: Descriptor, depth: Int, _ planned: inout PlannedIndex) throws(ImageError) {
        guard depth < PlannedIndex.nesting else {
            throw .limit(subject: archive.path, what: "image indexes are nested deeper than \(PlannedIndex.nesting)")
        }
        let bytes = try blob(descriptor, limit: Index.limit)
        try keep(.init(bytes, descriptor.digest), [], &planned)
        let found = try index(try Archive.parse(bytes, "\(descriptor.digest)"), "\(descriptor.digest)")
        for child in found.manifests where !planned.has(child.digest) {
            if MediaType.isIndex(child.mediaType) {
                // Archives that were made for one machine leave out the rest.
                var isWanted = allPlatforms
                if !isWanted { isWanted = try isThere(child) }
                if isWanted { try walk(child, depth: depth + 1, &planned) }
            } else if allPlatforms {
                try add(child, &planned)
            }
        }
    }

    private func add(_ manifest: Descriptor, _ planned: inout PlannedIndex) throws(ImageError) {
        guard MediaType.isManifest(manifest.mediaType) else {
            throw .unsupported(
                subject: archive.path, what: "content of type `\(TarEntry.shown(Array(manifest.mediaType.utf8)))` in an index")
        }
        let bytes: [UInt8]
        do { bytes = try blob(manifest, limit: Manifest.limit) } catch {
            guard case .archive = error else { throw error }
            throw .archive(subject: archive.path, reason: "manifest \(StoredIndex.shown(manifest)) of its index is missing")
        }
        let name = "manifest \(manifest.digest)"
        let document = try Archive.parse(bytes, name)
        let content = try Archive.fields(name) { () throws(FieldError) in try Manifest.content(json: document) }
        try keep(.init(bytes, manifest.digest), content, &planned)
    }

    private func keep(_ document: PlannedIndex.Document, _ content: [Descriptor], _ planned: inout PlannedIndex) throws(ImageError) {
        planned.add(document)
        planned.add(content: content)
        if let excess = planned.excess { throw .limit(subject: archive.path, what: excess) }
    }

    private func isThere(_ descriptor: Descriptor) throws(ImageError) -> Bool {
        try archive.part("blobs/\(descriptor.digest.algorithm.rawValue)/\(descriptor.digest.hex)") != nil
    }
}
