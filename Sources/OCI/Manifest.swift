/// An image manifest (image-spec, manifest.md; Docker's schema 2 has the same shape).
package struct Manifest: Equatable, Sendable {
    package var config: Descriptor
    /// Lowest first.
    package var layers: [Descriptor]
    package var annotations: [String: String]

    /// Longest document that is read.
    package static let limit = 4 << 20

    package init(config: Descriptor, layers: [Descriptor]) {
        self.config = config
        self.layers = layers
        annotations = [:]
    }

    package init(json document: JSON) throws(FieldError) {
        let field = JSONField(document)
        try requireSchema2(field)
        let type = try field.member("mediaType").optionalString()
        if let type, !MediaType.isManifest(type) { throw FieldError("mediaType", "`\(type)` is no image manifest") }
        // An image may not be told from an index by fields of both (CVE-2021-41190).
        guard !(try field.member("manifests").isPresent) else { throw FieldError("manifests", "does not belong in an image manifest") }
        let config = try Descriptor(field.member("config"))
        guard MediaType.isConfig(config.mediaType) else {
            throw FieldError("config.mediaType", "`\(config.mediaType)` is no image configuration")
        }
        self.config = config
        layers = []
        for element in try field.member("layers").elements() { layers.append(try Descriptor(element)) }
        annotations = try field.member("annotations").stringMap()
    }

    /// What a manifest of any kind names (configuration, layers), whatever the types are: for handing it on, not for reading it.
    package static func content(json document: JSON) throws(FieldError) -> [Descriptor] {
        let field = JSONField(document)
        try requireSchema2(field)
        guard !(try field.member("manifests").isPresent) else { throw FieldError("manifests", "does not belong in an image manifest") }
        var content: [Descriptor] = []
        if try field.member("config").isPresent { content.append(try Descriptor(field.member("config"))) }
        for element in try field.member("layers").elements() { content.append(try Descriptor(element)) }
        return content
    }

    package var json: JSON {
        ["schemaVersion": 2, "mediaType": .string(MediaType.manifest), "config": config.json, "layers": .array(layers.map(\.json))]
    }
}

/// An image index (image-spec, image-index.md; Docker's manifest list has the same shape).
package struct Index: Equatable, Sendable {
    package var manifests: [Descriptor]

    package static let limit = 4 << 20

    package init(manifests: [Descriptor]) { self.manifests = manifests }

    package init(json document: JSON) throws(FieldError) {
        let field = JSONField(document)
        try requireSchema2(field)
        let type = try field.member("mediaType").optionalString()
        if let type, !MediaType.isIndex(type) { throw FieldError("mediaType", "`\(type)` is no image index") }
        guard !(try field.member("layers").isPresent), !(try field.member("config").isPresent) else {
            throw FieldError("layers", "does not belong in an image index")
        }
        manifests = []
        for element in try field.member("manifests").elements() { manifests.append(try Descriptor(element)) }
    }

    package var json: JSON {
        ["schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(manifests.map(\.json))]
    }
}

private func requireSchema2(_ field: JSONField) throws(FieldError) {
    let version: Int = try field.member("schemaVersion").integer()
    guard version == 2 else { throw FieldError("schemaVersion", "\(version) is not supported, only 2") }
}

/// One image of the `manifest.json` that `docker save` writes (moby, image/tarexport).
package struct DockerArchiveImage: Equatable, Sendable {
    /// Names of files in the archive.
    package var config: String
    package var layers: [String]
    package var repoTags: [String]

    package static let limit = 4 << 20

    package static func list(json document: JSON) throws(FieldError) -> [DockerArchiveImage] {
        var images: [DockerArchiveImage] = []
        for element in try JSONField(document).elements() {
            images.append(
                DockerArchiveImage(
                    config: try element.member("Config").string(), layers: try element.member("Layers").strings(),
                    repoTags: try element.member("RepoTags").strings()))
        }
        return images
    }
}
