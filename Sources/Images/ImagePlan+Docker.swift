internal import LinuxSys
internal import OCI

/// `docker save`: `manifest.json` names the configuration and the layers by file.
extension ArchiveReader {
    private func dockerImages() throws(ImageError) -> [DockerArchiveImage] {
        let document = try archive.document("manifest.json", limit: DockerArchiveImage.limit)
        return try Archive.fields("manifest.json of \(archive.path)") { () throws(FieldError) in try DockerArchiveImage.list(json: document)
        }
    }

    /// Names by configuration, for a layout that does not carry them itself.
    func dockerNames() throws(ImageError) -> [Digest: [String]] {
        var names: [Digest: [String]] = [:]
        for image in try dockerImages() {
            guard try archive.part(image.config) != nil else { continue }
            let bytes = try archive.bytes(image.config, limit: ImageConfig.limit)
            names[StreamHash.digest(.sha256, of: bytes), default: []] += image.repoTags
        }
        return names
    }

    func dockerPlans() throws(ImageError) -> [ImagePlan] {
        var plans: [ImagePlan] = []
        for image in try dockerImages() { plans.append(try dockerPlan(image)) }
        guard !plans.isEmpty else { throw .archive(subject: archive.path, reason: "no image in it") }
        return plans
    }

    private func dockerPlan(_ image: DockerArchiveImage) throws(ImageError) -> ImagePlan {
        let bytes = try archive.bytes(image.config, limit: ImageConfig.limit)
        let digest = StreamHash.digest(.sha256, of: bytes)
        try checkConfigName(image.config, digest)
        let config = try config(bytes, digest, layers: image.layers.count)
        var layers: [ImagePlan.Layer] = []
        for (name, diffID) in zip(image.layers, config.diffIDs) {
            guard let part = try archive.part(name) else { throw .archive(subject: archive.path, reason: "\(name) is missing") }
            let magic = try kernel { () throws(SysError) in try part.file.fd.read(at: Int64(part.offset), count: Int(min(4, part.size))) }
            layers.append(.init(part: part, digest: Self.digest(inName: name), compression: Compression(magic: magic), diffID: diffID))
        }
        return ImagePlan(names: image.repoTags, configBytes: bytes, configDigest: digest, config: config, manifest: nil, layers: layers)
    }

    /// The file is called by its own digest: `<hex>.json` or `blobs/sha256/<hex>`.
    private func checkConfigName(_ name: String, _ digest: Digest) throws(ImageError) {
        let stem = name.hasSuffix(".json") ? String(name.dropLast(5)) : name.split(separator: "/").last.map(String.init) ?? name
        guard let wanted = Digest("sha256:\(stem)"), wanted != digest else { return }
        throw .digestMismatch(subject: "\(name) of \(archive.path)", wanted: wanted.description, found: digest.description)
    }

    /// Newer archives keep layers as blobs of a layout; in older ones a layer's file is called otherwise.
    private static func digest(inName name: String) -> Digest? {
        guard name.hasPrefix("blobs/sha256/") else { return nil }
        return Digest("sha256:\(name.dropFirst("blobs/sha256/".count))")
    }
}
