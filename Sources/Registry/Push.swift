package import Images
internal import LinuxSys
package import OCI

/// What came of a push.
package struct Pushed: Sendable {
    package let digest: OCI.Digest
    /// Blobs that the registry did not have, and those of them that it took from another repository of its own.
    package let sent: Int
    package let mounted: Int
    /// Of an index that was pushed; nil when it was the manifest alone.
    package let manifests: Int?
    /// What the store lacks of the index that the image came with, for which its manifest was pushed alone.
    package let missing: [String]
}

/// Brings one image of the store to a registry, as it is: no digest changes. With the index that it came with when all of that is here.
package struct Push: Sendable {
    private let client: RegistryClient
    private let store: Store
    private let source: String
    private let target: Reference
    private let allPlatforms: Bool
    private let place: RegistryError.Place

    /// `source`: as the store knows the image. `allPlatforms`: the whole index, or an error.
    package init(
        _ source: String, to target: Reference, allPlatforms: Bool = false, client: RegistryClient, store: Store
    ) throws(RegistryError) {
        self.allPlatforms = allPlatforms
        guard target.digest == nil else {
            throw .reference(target.description, reason: "an image is pushed to a tag, its digest comes of itself")
        }
        (self.client, self.store, self.source, self.target) = (client, store, source, target)
        place = RegistryError.Place("push", target.description)
    }

    private enum Outcome: Sendable { case there, mounted, sent }

    package func run(_ progress: (@Sendable (LoadProgress) -> Void)? = nil) async throws(RegistryError) -> Pushed {
        let session = try client.ownSession(for: target.host)
        let image: StoredImage
        do {
            image = try await offThread { [store, source, allPlatforms] () throws(ImageError) in
                if allPlatforms { _ = try store.wholeIndex(source, for: "push") }
                return try store.stored(source)
            }
        } catch {
            throw .store(error)
        }
        let index = image.index.flatMap { $0.missing.isEmpty ? $0 : nil }
        var seen: Set<OCI.Digest> = []
        let blobs = (index?.blobs ?? image.layers + [image.config]).filter { seen.insert($0.digest).inserted }
        let outcomes = try await send(blobs, session, progress.map { OneByOne($0).show })
        progress?(LoadProgress(stage: .committing, subject: target.description, done: 0, total: 0))
        // The manifest last: what it names is there. So with the documents of an index, of which the topmost alone gets the tag.
        if let index {
            for document in index.documents {
                let name = document.descriptor.digest == index.top.digest ? target.manifest : document.descriptor.digest.description
                try await session.put(
                    manifest: document.bytes, document.descriptor.mediaType, document.descriptor.digest, target.repository, name, place)
            }
        } else {
            try await session.put(manifest: image.manifest, image.mediaType, image.digest, target.repository, target.manifest, place)
        }
        return Pushed(
            digest: index?.top.digest ?? image.digest, sent: outcomes.count { $0 == .sent }, mounted: outcomes.count { $0 == .mounted },
            manifests: index?.manifests, missing: image.index?.missing ?? [])
    }

    private func send(
        _ blobs: [Descriptor], _ session: Session, _ report: (@Sendable (LoadProgress) -> Void)?
    ) async throws(RegistryError) -> [Outcome] {
        let result = await withTaskGroup(of: Result<Outcome, RegistryError>.self, returning: Result<[Outcome], RegistryError>.self) {
            group in
            var waiting = blobs[...]
            func startNext() {
                guard let blob = waiting.popFirst() else { return }
                group.addTask {
                    do throws(RegistryError) {
                        return .success(try await self.send(blob, session, report))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<max(1, client.patience.parallelDownloads) { startNext() }
            var failure: RegistryError?
            var outcomes: [Outcome] = []
            while let outcome = await group.next() {
                switch outcome {
                case .success(let outcome):
                    outcomes.append(outcome)
                    if failure == nil { startNext() }
                case .failure(let error):
                    if failure == nil { failure = error }
                    group.cancelAll()
                }
            }
            return failure.map { .failure($0) } ?? .success(outcomes)
        }
        return try result.get()
    }

    private func send(
        _ blob: Descriptor, _ session: Session, _ report: (@Sendable (LoadProgress) -> Void)?
    ) async throws(RegistryError) -> Outcome {
        let progress: @Sendable (UInt64) -> Void = { done in
            report?(LoadProgress(stage: .pushing, subject: blob.digest.description, done: done, total: blob.size))
        }
        progress(0)
        if try await session.has(blob, target.repository, place) {
            progress(blob.size)
            return .there
        }
        let upload = BlobUpload(repository: target.repository, descriptor: blob, session: session, place: place, progress: progress)
        var start: WebAddress?
        for origin in try await origins(blob) {
            switch try await upload.mount(from: origin) {
            case .mounted:
                progress(blob.size)
                return .mounted
            case .begun(let address): start = address
            case .refused: continue
            }
            break
        }
        let file: FDBox
        do { file = try await offThread { [store] () throws(ImageError) in try store.openBlob(blob) } } catch { throw .store(error) }
        try await upload.run(file, begun: start)
        return .sent
    }

    /// Other repositories of the same registry that should have it: the images here that have it came from somewhere.
    private func origins(_ blob: Descriptor) async throws(RegistryError) -> [String] {
        let names: [String]
        do { names = try await offThread { [store] () throws(ImageError) in try store.names(holding: blob.digest) } } catch {
            throw .store(error)
        }
        var found: [String] = []
        for name in names {
            guard let other = try? Reference(name), other.host == target.host, other.repository != target.repository,
                !found.contains(other.repository)
            else { continue }
            found.append(other.repository)
        }
        return Array(found.prefix(3))
    }
}
