internal import GRDB
import Glibc
package import LinuxSys
package import OCI

/// An image of the store as it is handed on: its manifest's bytes, and what that names.
package struct StoredImage: Sendable {
    package let record: ImageRecord
    package let manifest: [UInt8]
    package let mediaType: String
    package let digest: Digest
    package let config: Descriptor
    /// Lowest first.
    package let layers: [Descriptor]
    /// What the image came with under the name by which it was asked for.
    package let index: StoredIndex?
}

extension Store {
    package func stored(_ reference: String) throws(ImageError) -> StoredImage {
        let record = try image(reference)
        guard let digest = Digest(record.manifest) else {
            throw .document(subject: "image \(record.id)", reason: "its manifest has no digest")
        }
        let bytes = try blobBytes(record.manifest, limit: Manifest.limit)
        let document = try Archive.parse(bytes, "manifest \(digest)")
        let manifest = try Archive.fields("manifest \(digest)") { () throws(FieldError) in try Manifest(json: document) }
        return StoredImage(
            record: record, manifest: bytes, mediaType: document["mediaType"]?.string ?? MediaType.manifest, digest: digest,
            config: manifest.config, layers: manifest.layers, index: try storedIndex(reference))
    }

    /// A blob of the store, open for reading, of exactly the size that its descriptor says.
    package func openBlob(_ descriptor: Descriptor) throws(ImageError) -> FDBox {
        let file = try kernel { () throws(SysError) in
            FDBox(
                try layout.blobDirectory(descriptor.digest.algorithm).fd.openEntry(FileName(own: descriptor.digest.hex), O_RDONLY))
        }
        guard let status = try kernel({ () throws(SysError) in try file.fd.status() }), status.size == descriptor.size else {
            throw .document(
                subject: "blob \(descriptor.digest)", reason: "it does not have the \(descriptor.size) bytes that its manifest says")
        }
        return file
    }

    /// The full names of all images that have this blob.
    package func names(holding digest: Digest) throws(ImageError) -> [String] {
        try records.read("list images") { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM name JOIN image ON image.id = name.image WHERE instr(' ' || blobs || ' ', ?1) > 0
                    UNION SELECT name FROM name_index WHERE instr(' ' || blobs || ' ', ?1) > 0 ORDER BY name
                    """,
                arguments: [" \(digest) "])
        }
    }
}
