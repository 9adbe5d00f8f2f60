internal import OCI

/// One image of an archive: what has to be read, checked and unpacked.
struct ImagePlan: Sendable {
    struct Layer: Sendable {
        let part: Archive.Part
        /// Of the packed layer; nil when the archive does not say (`docker save`): it is computed.
        let digest: Digest?
        let compression: Compression
        let diffID: Digest

        /// What names the layer together with all below it (image-spec, config.md "Layer ChainID").
        func chainID(over parent: Digest?) -> Digest {
            parent.map { StreamHash.digest(.sha256, of: Array("\($0) \(diffID)".utf8)) } ?? diffID
        }
    }
    /// As the archive has them, not normalised.
    var names: [String]
    let configBytes: [UInt8]
    let configDigest: Digest
    let config: ImageConfig
    /// Nil when the archive has none: made from the layers.
    let manifest: (bytes: [UInt8], digest: Digest)?
    let layers: [Layer]
    /// What it came with, if that was an index.
    var index: PlannedIndex?
}

/// Finds the images of an archive by what it contains.
struct ArchiveReader {
    let archive: Archive
    let platform: Platform
    let limits: UnpackLimits
    /// Whether what indexes name for other machines is wanted as well.
    var allPlatforms = false

    func plans() throws(ImageError) -> [ImagePlan] {
        let hasIndex = try archive.part("index.json") != nil
        let hasDocker = try archive.part("manifest.json") != nil
        if hasIndex { return try layoutPlans(dockerNames: hasDocker ? try dockerNames() : [:]) }
        if hasDocker { return try dockerPlans() }
        throw .archive(subject: archive.path, reason: "neither an image layout (index.json) nor a `docker save` archive (manifest.json)")
    }

    // MARK: OCI layout (image-spec, image-layout.md)

    private func layoutPlans(dockerNames: [Digest: [String]]) throws(ImageError) -> [ImagePlan] {
        try checkLayoutVersion()
        let index = try index(try archive.document("index.json", limit: Index.limit), "index.json")
        var plans: [ImagePlan] = []
        var artifacts: [String] = []
        for descriptor in index.manifests {
            guard let manifest = try choose(descriptor, depth: 0) else { continue }
            if let type = try artifactType(manifest) {
                artifacts.append(type)
                continue
            }
            var plan = try layoutPlan(manifest)
            plan.index = try plannedIndex(descriptor)
            plan.names = Self.names(descriptor.annotations) ?? Self.names(manifest.annotations) ?? dockerNames[plan.configDigest] ?? []
            if let known = plans.firstIndex(where: { $0.manifest?.digest == plan.manifest?.digest }) {
                plans[known].names += plan.names
            } else {
                plans.append(plan)
            }
        }
        if plans.isEmpty, let type = artifacts.first {
            throw .unsupported(subject: archive.path, what: "an artifact (`\(TarEntry.shown(Array(type.utf8)))`) in the place of an image")
        }
        guard !plans.isEmpty else { throw .archive(subject: archive.path, reason: "no image for \(platform) in it") }
        return plans
    }

    private func checkLayoutVersion() throws(ImageError) {
        let document = try archive.document("oci-layout", limit: 4096)
        let version = try Archive.fields("oci-layout of \(archive.path)") { () throws(FieldError) in
            try JSONField(document).member("imageLayoutVersion").string()
        }
        guard version == "1.0.0" else { throw .unsupported(subject: archive.path, what: "image layout version \(version)") }
    }

    func index(_ document: JSON, _ name: String) throws(ImageError) -> Index {
        try Archive.fields("\(name) of \(archive.path)") { () throws(FieldError) in try Index(json: document) }
    }

    /// The manifest for this machine that a descriptor leads to; nil when it leads to none.
    private func choose(_ descriptor: Descriptor, depth: Int) throws(ImageError) -> Descriptor? {
        guard depth < 4 else { throw .limit(subject: archive.path, what: "image indexes are nested deeper than 4") }
        if let wanted = descriptor.platform, !platform.runs(wanted) { return nil }
        if MediaType.isManifest(descriptor.mediaType) { return descriptor }
        guard MediaType.isIndex(descriptor.mediaType) else { return nil }  // Other artifacts may stand beside images.
        let bytes = try blob(descriptor, limit: Index.limit)
        let nested = try index(try Archive.parse(bytes, "\(descriptor.digest)"), "\(descriptor.digest)")
        for candidate in nested.manifests {
            if let found = try choose(candidate, depth: depth + 1) { return found }
        }
        return nil
    }

    /// What a manifest is of, when that is no image: signatures, bills of materials and the like stand beside images, or alone
    /// (manifest.md, "Guidelines for Artifact Usage").
    private func artifactType(_ descriptor: Descriptor) throws(ImageError) -> String? {
        let document = try Archive.parse(try blob(descriptor, limit: Manifest.limit), "manifest \(descriptor.digest)")
        let config = document["config"]?["mediaType"]?.string
        guard let type = document["artifactType"]?.string ?? config else { return nil }
        guard let config else { return type }
        return MediaType.isConfig(config) ? nil : type
    }

    private func layoutPlan(_ descriptor: Descriptor) throws(ImageError) -> ImagePlan {
        let bytes = try blob(descriptor, limit: Manifest.limit)
        let document = try Archive.parse(bytes, "manifest \(descriptor.digest)")
        let manifest = try Archive.fields("manifest \(descriptor.digest)") { () throws(FieldError) in try Manifest(json: document) }
        let configBytes = try blob(manifest.config, limit: ImageConfig.limit)
        let config = try config(configBytes, manifest.config.digest, layers: manifest.layers.count)
        var layers: [ImagePlan.Layer] = []
        for (layer, diffID) in zip(manifest.layers, config.diffIDs) {
            guard let compression = Compression(layer: layer.mediaType) else {
                throw .unsupported(subject: archive.path, what: "layer type `\(layer.mediaType)`")
            }
            layers.append(.init(part: try part(layer), digest: layer.digest, compression: compression, diffID: diffID))
        }
        return ImagePlan(
            names: [], configBytes: configBytes, configDigest: manifest.config.digest, config: config, manifest: (bytes, descriptor.digest),
            layers: layers)
    }

    func part(_ descriptor: Descriptor) throws(ImageError) -> Archive.Part {
        let name = "blobs/\(descriptor.digest.algorithm.rawValue)/\(descriptor.digest.hex)"
        guard let part = try archive.part(name) else { throw .archive(subject: archive.path, reason: "\(name) is missing") }
        guard part.size == descriptor.size else {
            throw .archive(subject: archive.path, reason: "\(name) has \(part.size) bytes, its descriptor says \(descriptor.size)")
        }
        return part
    }

    /// A small blob, checked.
    func blob(_ descriptor: Descriptor, limit: Int) throws(ImageError) -> [UInt8] {
        _ = try part(descriptor)
        let bytes = try archive.bytes("blobs/\(descriptor.digest.algorithm.rawValue)/\(descriptor.digest.hex)", limit: limit)
        let found = StreamHash.digest(descriptor.digest.algorithm, of: bytes)
        guard found == descriptor.digest else {
            throw .digestMismatch(subject: "blob of \(archive.path)", wanted: descriptor.digest.description, found: found.description)
        }
        return bytes
    }

    /// What containerd and Docker write stands before the specification's own annotation, which often is a bare tag.
    private static func names(_ annotations: [String: String]) -> [String]? {
        (annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"]).map { [$0] }
    }

    func config(_ bytes: [UInt8], _ digest: Digest, layers: Int) throws(ImageError) -> ImageConfig {
        let document = try Archive.parse(bytes, "image configuration \(digest)")
        let config = try Archive.fields("image configuration \(digest)") { () throws(FieldError) in try ImageConfig(json: document) }
        guard config.diffIDs.count == layers else {
            throw .document(subject: "image configuration \(digest)", reason: "\(config.diffIDs.count) diff IDs for \(layers) layers")
        }
        guard layers > 0 else { throw .unsupported(subject: archive.path, what: "an image without layers") }
        guard layers <= limits.layers else { throw .limit(subject: archive.path, what: "an image of more than \(limits.layers) layers") }
        let built = Platform(os: config.os, architecture: config.architecture, variant: config.variant)
        // Images of old tools do not say what they are for.
        guard config.os.isEmpty || config.architecture.isEmpty || platform.runs(built) else {
            throw .unsupported(subject: archive.path, what: "an image for \(built) on \(platform)")
        }
        return config
    }
}
