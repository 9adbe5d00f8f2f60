internal import GRDB
import Glibc
package import LinuxSys
internal import OCI

/// The forms in which images are handed on.
package enum ArchiveFormat: String, CaseIterable, Sendable {
    /// What `docker load` reads: an image layout in a tar, with `manifest.json` beside.
    case dockerArchive = "docker-archive"
    /// An OCI image layout in a tar.
    case ociArchive = "oci-archive"
    /// An OCI image layout as a directory.
    case ociDirectory = "oci-dir"
}

/// Where a saved image goes: small documents, and blobs as they are stored.
protocol ArchiveTarget {
    func directory(_ path: String) throws(ImageError)
    func document(_ path: String, _ bytes: [UInt8]) throws(ImageError)
    func blob(_ path: String, _ blob: FDBox, size: UInt64) throws(ImageError)
    func finish() throws(ImageError)
}

extension Store {
    /// Writes images with their names into one tar archive. Blobs stay as they are, so that digests do.
    /// `allPlatforms`: each with the index that it came with, which has to be here as a whole.
    package func save(
        _ references: [String], as format: ArchiveFormat, allPlatforms: Bool = false, toTar file: FDBox, named name: String
    ) throws(ImageError) {
        try save(references, format, allPlatforms, TarTarget(file, subject: name))
    }

    /// The same as a directory, which has to be new or empty.
    package func save(_ references: [String], allPlatforms: Bool = false, toDirectory path: String) throws(ImageError) {
        try save(references, .ociDirectory, allPlatforms, try DirectoryTarget(path))
    }

    private func save(
        _ references: [String], _ format: ArchiveFormat, _ allPlatforms: Bool, _ target: some ArchiveTarget
    ) throws(ImageError) {
        var images: [SavedImage] = []
        for reference in references {
            var image = try savedImage(reference)
            if allPlatforms { image.index = try wholeIndex(reference, for: "save") }
            if let known = images.firstIndex(where: { $0.manifest == image.manifest && $0.index?.top == image.index?.top }) {
                images[known].names += image.names.filter { !images[known].names.contains($0) }
            } else {
                images.append(image)
            }
        }
        try target.document("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        try target.document("index.json", Self.index(images).json.encoded())
        if format == .dockerArchive { try target.document("manifest.json", Self.dockerManifest(images).encoded()) }
        try target.directory("blobs")
        for algorithm in ["sha256", "sha512"]
        where images.contains(where: { $0.blobs.contains { $0.digest.algorithm.rawValue == algorithm } }) {
            try target.directory("blobs/\(algorithm)")
        }
        var written: Set<Digest> = []
        let blobs = images.flatMap(\.blobs).sorted { $0.digest.description < $1.digest.description }
        for blob in blobs where written.insert(blob.digest).inserted { try add(blob, to: target) }
        try target.finish()
    }

    private func add(_ blob: Descriptor, to target: some ArchiveTarget) throws(ImageError) {
        let file = FDBox(
            try kernel { () throws(SysError) in
                try layout.blobDirectory(blob.digest.algorithm).fd.openEntry(FileName(own: blob.digest.hex), O_RDONLY)
            })
        guard let status = try kernel({ () throws(SysError) in try file.fd.status() }), status.size == blob.size else {
            throw .document(subject: "blob \(blob.digest)", reason: "it does not have the \(blob.size) bytes that its manifest says")
        }
        try target.blob("blobs/\(blob.digest.algorithm.rawValue)/\(blob.digest.hex)", file, size: blob.size)
    }

    private struct SavedImage {
        var names: [String]
        let manifest: Descriptor
        let config: Descriptor
        let layers: [Descriptor]
        var index: StoredIndex?
        var blobs: [Descriptor] { [manifest, config] + layers + (index.map { $0.documents.map(\.descriptor) + $0.blobs } ?? []) }
    }

    /// By the name that was asked for; by id with all names.
    private func savedImage(_ reference: String) throws(ImageError) -> SavedImage {
        let image = try image(reference)
        guard let digest = Digest(image.manifest) else {
            throw .document(subject: "image \(image.id)", reason: "its manifest has no digest")
        }
        let bytes = try blobBytes(image.manifest, limit: Manifest.limit)
        let manifest = try manifest(image.manifest)
        let type = (try? JSON(parsing: bytes))?["mediaType"]?.string ?? MediaType.manifest
        let full = ImageName.full(reference)
        return SavedImage(
            names: image.names.filter { $0 == full || $0 == reference }.isEmpty
                ? image.names : image.names.filter { $0 == full || $0 == reference },
            manifest: Descriptor(mediaType: type, digest: digest, size: UInt64(bytes.count)), config: manifest.config,
            layers: manifest.layers)
    }

    private static func index(_ images: [SavedImage]) -> Index {
        var manifests: [Descriptor] = []
        for image in images {
            for name in image.names.isEmpty ? [nil] : image.names.map(Optional.some) {
                var descriptor = image.index?.top ?? image.manifest
                // The specification's own annotation is the tag; containerd's has the whole name.
                if let name {
                    let tag = name.split(separator: ":").last.map(String.init) ?? name
                    descriptor.annotations = ["io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag]
                }
                manifests.append(descriptor)
            }
        }
        return Index(manifests: manifests)
    }

    private static func dockerManifest(_ images: [SavedImage]) -> JSON {
        .array(
            images.map { image in
                [
                    "Config": .string(path(image.config)), "RepoTags": .array(image.names.map { .string(ImageName.familiar($0)) }),
                    "Layers": .array(image.layers.map { .string(path($0)) }),
                ]
            })
    }

    private static func path(_ blob: Descriptor) -> String { "blobs/\(blob.digest.algorithm.rawValue)/\(blob.digest.hex)" }
}
