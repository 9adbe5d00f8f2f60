/// A reference to content (image-spec, descriptor.md).
package struct Descriptor: Equatable, Sendable {
    package var mediaType: String
    package var digest: Digest
    package var size: UInt64
    package var annotations: [String: String] = [:]
    package var platform: Platform?

    package init(mediaType: String, digest: Digest, size: UInt64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }

    /// Throws when a required field is missing. Content that is embedded (`data`) is not used: the blob is read.
    package init(_ field: JSONField) throws(FieldError) {
        mediaType = try field.member("mediaType").string()
        digest = try field.member("digest").digest()
        size = try field.member("size").integer()
        guard size <= UInt64(Int64.max) else { throw FieldError("\(field.path).size", "is outside 0 … \(Int64.max)") }
        annotations = try field.member("annotations").stringMap()
        platform = try Platform(field.member("platform"))
    }

    package var json: JSON {
        var object: JSONObject = JSONObject()
        object["mediaType"] = .string(mediaType)
        object["digest"] = .string(digest.description)
        object["size"] = .unsigned(size)
        if !annotations.isEmpty {
            var map = JSONObject()
            for (name, value) in annotations.sorted(by: { $0.key < $1.key }) { map[name] = .string(value) }
            object["annotations"] = .object(map)
        }
        if let platform {
            var fields: JSONObject = ["architecture": .string(platform.architecture), "os": .string(platform.os)]
            if let variant = platform.variant { fields["variant"] = .string(variant) }
            object["platform"] = .object(fields)
        }
        return .object(object)
    }
}

/// For which machine an image is (image-spec, image-index.md).
package struct Platform: Equatable, Sendable, CustomStringConvertible {
    package var os: String
    package var architecture: String
    package var variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    init?(_ field: JSONField) throws(FieldError) {
        guard field.isPresent else { return nil }
        os = try field.member("os").string()
        architecture = try field.member("architecture").string()
        variant = try field.member("variant").optionalString()
    }

    package var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

    /// This machine's.
    package static var host: Platform {
        #if arch(x86_64)
            Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
            Platform(os: "linux", architecture: "arm64", variant: "v8")
        #else
            #error("name this architecture as Go does")
        #endif
    }

    /// Whether an image for `other` runs here: same system and architecture; a variant that is named on both sides is the same.
    package func runs(_ other: Platform) -> Bool {
        guard os == other.os, architecture == other.architecture else { return false }
        guard let variant, let wanted = other.variant, !wanted.isEmpty else { return true }
        return variant == wanted
    }
}

/// Media types of image-spec 1.1 and of Docker's schema 2.
package enum MediaType {
    package static let index = "application/vnd.oci.image.index.v1+json"
    package static let manifest = "application/vnd.oci.image.manifest.v1+json"
    package static let config = "application/vnd.oci.image.config.v1+json"
    package static let layer = "application/vnd.oci.image.layer.v1.tar"
    package static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerConfig = "application/vnd.docker.container.image.v1+json"

    package static func isIndex(_ type: String) -> Bool { type == index || type == dockerList }
    package static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
    package static func isConfig(_ type: String) -> Bool { type == config || type == dockerConfig }
}

/// How a layer's tar is packed.
package enum Compression: String, Equatable, Sendable {
    case none, gzip, zstd

    /// Nil for a media type that is no layer that can be unpacked here.
    package init?(layer mediaType: String) {
        switch mediaType {
        case MediaType.layer, "application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.docker.image.rootfs.diff.tar":
            self = .none
        case "\(MediaType.layer)+gzip", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
            self = .gzip
        case "\(MediaType.layer)+zstd", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.zstd":
            self = .zstd
        default: return nil
        }
    }

    /// By the first bytes of a file (RFC 1952, RFC 8878).
    package init(magic bytes: some Collection<UInt8>) {
        if bytes.starts(with: [0x1f, 0x8b]) {
            self = .gzip
        } else if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
            self = .zstd
        } else {
            self = .none
        }
    }
}
