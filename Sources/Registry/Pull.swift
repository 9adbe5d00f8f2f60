package import Images
package import OCI

/// What came of a pull.
package struct Pulled: Sendable {
    package let image: ImageRecord
    /// Of what the reference named: an index or a manifest.
    package let digest: OCI.Digest
    package let layers: Int
    /// Blobs that were not in the store: layers, and with all platforms what their manifests name.
    package let fetched: Int
    /// Of the index, when all platforms were asked for.
    package let manifests: Int?
}

/// Brings one image from a registry into the store.
package struct Pull: Sendable {
    private let client: RegistryClient
    private let store: Store
    private let reference: Reference
    private let platform: Platform
    private let allPlatforms: Bool
    let place: RegistryError.Place
    private static let nesting = PlannedIndex.nesting
    /// Of one image, nested ones too: each is a request.
    private static let indexes = 64

    /// `allPlatforms`: what an index names for other machines comes too, though it is not unpacked.
    package init(
        _ reference: Reference, platform: Platform = .host, allPlatforms: Bool = false, client: RegistryClient, store: Store
    ) {
        self.allPlatforms = allPlatforms
        (self.client, self.store, self.reference, self.platform) = (client, store, reference, platform)
        place = RegistryError.Place("pull", reference.description)
    }

    /// Layers that the store has are not fetched; the others are unpacked while they arrive. All or nothing.
    package func run(_ progress: (@Sendable (LoadProgress) -> Void)? = nil) async throws(RegistryError) -> Pulled {
        progress?(LoadProgress(stage: .reading, subject: reference.description, done: 0, total: 0))
        let sessions = try client.sessions(for: reference.host)
        let (top, found) = try await client.first(of: sessions) { (session) throws(RegistryError) in
            try await session.manifest(reference.repository, reference.manifest, place)
        }
        // Who had the manifest has the rest; what it has not may be elsewhere.
        let order = [found] + sessions.filter { $0 !== found }
        var search = Search()
        let manifest = try await imageManifest(top, order, &search)
        let config = try await config(of: manifest, order)
        var index = search.seen.documents.isEmpty ? nil : search.seen
        var manifests: Int?
        if allPlatforms, index != nil {
            let whole = try await whole(top, manifest, order)
            (index, manifests) = (whole.index, whole.manifests)
        }
        let documents = ImageDocuments(
            manifest: manifest.bytes, manifestDigest: manifest.digest, config: config.bytes, configDigest: config.digest, index: index)
        let names = names(top.digest)
        let incoming: IncomingImage
        do {
            incoming = try await offThread { [store, platform] () throws(ImageError) in
                try store.incoming(documents, names: names, platform: platform)
            }
        } catch {
            throw .store(error)
        }
        let image: ImageRecord
        do {
            image = try await bring(incoming, order, progress)
        } catch {
            await offThread { incoming.close() }
            throw error
        }
        await offThread { incoming.close() }
        return Pulled(image: image, digest: top.digest, layers: incoming.layers, fetched: incoming.missing.count, manifests: manifests)
    }

    /// By tag and by digest: an image that was asked for by its digest is found by that.
    private func names(_ digest: OCI.Digest) -> [String] {
        let byDigest = "\(reference.name)@\(digest)"
        guard reference.digest == nil, let tag = reference.tag else { return [byDigest] }
        return ["\(reference.name):\(tag)", byDigest]
    }

    // MARK: Documents

    /// Down through indexes to the manifest for the platform.
    private func imageManifest(
        _ top: FetchedManifest, _ sessions: [Session], _ search: inout Search
    ) async throws(RegistryError) -> FetchedManifest {
        if MediaType.isManifest(top.mediaType) { return top }
        try await look(in: top, depth: 0, sessions, &search)
        guard let descriptor = search.best?.descriptor else {
            throw .noPlatform(place, wanted: platform.description, offered: Array(search.offered.prefix(20)))
        }
        return try await fetch(descriptor, sessions)
    }

    /// What was found so far.
    private struct Search {
        var best: (descriptor: Descriptor, rank: Int)?
        var offered: [String] = []
        /// Indexes, the topmost first.
        var seen = PlannedIndex()
        var indexes = 0
    }

    private func look(in index: FetchedManifest, depth: Int, _ sessions: [Session], _ search: inout Search) async throws(RegistryError) {
        search.indexes += 1
        try keep(index, in: &search.seen)
        guard depth < Self.nesting else { throw .limit(place, what: "image indexes are nested deeper than \(Self.nesting)") }
        guard search.indexes <= Self.indexes else { throw .limit(place, what: "it has more than \(Self.indexes) image indexes") }
        let document: Index
        do { document = try Index(json: index.document) } catch { throw .answer(place, reason: "index \(index.digest): \(error)") }
        for descriptor in document.manifests {
            if let offer = descriptor.platform.map({ shown($0.description, limit: 60) }), MediaType.isManifest(descriptor.mediaType),
                search.offered.count < 100, !search.offered.contains(offer)
            {
                search.offered.append(offer)
            }
            let rank = descriptor.platform.map { platform.rank($0) } ?? 0
            guard let rank, rank < search.best?.rank ?? .max else { continue }
            if MediaType.isManifest(descriptor.mediaType) {
                search.best = (descriptor, rank)
            } else if MediaType.isIndex(descriptor.mediaType) {
                try await look(in: try await fetch(descriptor, sessions), depth: depth + 1, sessions, &search)
            }  // Other artifacts may stand beside images.
        }
    }

    func fetch(_ descriptor: Descriptor, _ sessions: [Session]) async throws(RegistryError) -> FetchedManifest {
        let (manifest, _) = try await client.first(of: sessions) { (session) throws(RegistryError) in
            try await session.manifest(reference.repository, descriptor.digest.description, expecting: descriptor, place)
        }
        guard MediaType.isIndex(manifest.mediaType) == MediaType.isIndex(descriptor.mediaType) else {
            throw .answer(
                place, reason: "\(descriptor.digest) is `\(shown(manifest.mediaType))`, the index says `\(shown(descriptor.mediaType))`")
        }
        return manifest
    }

    private func config(of manifest: FetchedManifest, _ sessions: [Session]) async throws(RegistryError) -> (
        bytes: [UInt8], digest: OCI.Digest
    ) {
        try refuseArtifact(manifest)
        let descriptor: Descriptor
        do { descriptor = try Manifest(json: manifest.document).config } catch {
            throw .answer(place, reason: "manifest \(manifest.digest): \(error)")
        }
        guard descriptor.size <= UInt64(ImageConfig.limit) else {
            throw .limit(place, what: "the image configuration is longer than \(ImageConfig.limit) bytes")
        }
        let blob = MemoryBlob()
        try await BlobDownload(repository: reference.repository, descriptor: descriptor, sink: blob, place: place).run(sessions)
        let bytes = blob.bytes
        let digest = contentDigest(descriptor.digest.algorithm, bytes)
        guard digest == descriptor.digest else {
            throw .digestMismatch(place, wanted: descriptor.digest.description, found: digest.description)
        }
        return (bytes, digest)
    }

    /// Charts, signatures and the like are kept in registries as well (image-spec 1.1, "Guidelines for Artifact Usage").
    private func refuseArtifact(_ manifest: FetchedManifest) throws(RegistryError) {
        let config = manifest.document["config"]?["mediaType"]?.string
        let artifact = manifest.document["artifactType"]?.string
        if let config, MediaType.isConfig(config), artifact == nil { return }
        guard let kind = artifact ?? config else { return }
        throw .unsupported(place, what: "an artifact of type `\(shown(kind))`, which is no image,")
    }

    // MARK: Layers

    private enum Step: Sendable { case unpacked(ImageRecord), arrived }

    /// Downloads and unpacks at once. The first thing that goes wrong ends all the rest.
    private func bring(
        _ incoming: IncomingImage, _ sessions: [Session], _ progress: (@Sendable (LoadProgress) -> Void)?
    ) async throws(RegistryError) -> ImageRecord {
        let report = progress.map { OneByOne($0).show }
        for layer in incoming.missing { report?(step(layer, 0)) }
        let result = await withTaskCancellationHandler {
            await withTaskGroup(of: Result<Step, RegistryError>.self, returning: Result<ImageRecord, RegistryError>.self) { group in
                group.addTask { await self.unpack(incoming, report) }
                var waiting = incoming.missing[...]
                func startNext() {
                    guard let layer = waiting.popFirst() else { return }
                    group.addTask { await self.download(layer, sessions, report) }
                }
                for _ in 0..<max(1, client.patience.parallelDownloads) { startNext() }
                var failure: RegistryError?
                var image: ImageRecord?
                while let step = await group.next() {
                    switch step {
                    case .success(.unpacked(let record)): image = record
                    case .success(.arrived): if failure == nil { startNext() }
                    case .failure(let error):
                        if failure == nil { failure = error }
                        group.cancelAll()
                        incoming.breakOff()
                    }
                }
                if let failure { return .failure(failure) }
                guard let image else { return .failure(.cancelled(place)) }
                return .success(image)
            }
        } onCancel: {
            incoming.breakOff()
        }
        if Task.isCancelled, case .failure = result { throw .cancelled(place) }
        return try result.get()
    }

    private func unpack(_ incoming: IncomingImage, _ report: (@Sendable (LoadProgress) -> Void)?) async -> Result<Step, RegistryError> {
        do {
            return .success(.unpacked(try await offThread { () throws(ImageError) in try incoming.unpack(report) }))
        } catch {
            return .failure(.store(error))
        }
    }

    private func download(
        _ layer: IncomingImage.Missing, _ sessions: [Session], _ report: (@Sendable (LoadProgress) -> Void)?
    ) async -> Result<Step, RegistryError> {
        let download = BlobDownload(
            repository: reference.repository, descriptor: layer.descriptor, sink: LayerSink(arrival: layer.arrival), place: place,
            progress: { done in report?(step(layer, done)) })
        do throws(RegistryError) {
            try await download.run(sessions)
            return .success(.arrived)
        } catch {
            return .failure(error)
        }
    }

    private func step(_ layer: IncomingImage.Missing, _ done: UInt64) -> LoadProgress {
        LoadProgress(stage: .pulling, subject: layer.descriptor.digest.description, done: done, total: layer.descriptor.size)
    }
}
