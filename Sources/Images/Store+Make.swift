internal import FoundationEssentials
internal import GRDB
import Glibc
package import LinuxSys
package import OCI

/// What a new image is to say of itself.
package struct NewImage: Sendable {
    /// As people write it; nil: the image has only its id.
    package var name: String?
    package var author: String?
    package var message: String?
    /// RFC 3339.
    package var created: String
    package var changes: [ImageInstruction] = []
    package var compression = Compression.gzip

    package init(created: String) { self.created = created }
}

/// Images made here.
extension Store {
    /// What a container changed as a further layer over its image; and the sockets that were left out.
    package func commit(
        container: String, _ request: NewImage, cancellation: Cancellation? = nil
    ) throws(ImageError) -> (image: ImageRecord, sockets: [String]) {
        let names = try fullNames(request)
        let comparison = try comparison(of: container)
        let base = try base(of: container)
        let scratch = try Scratch(layout)
        let blob = try newBlob(scratch)
        let output = try BlobOutput(request.compression, file: blob, cancellation: cancellation)
        let writer = LayerWriter(output, .layer, limits: limits)
        try writer.write(comparison)
        let result = try output.finish()
        var config = try ConfigEditor(base.config, "image configuration \(base.id)")
        config.add(
            layer: result.diffID, created: request.created, author: request.author, createdBy: "swiftlet commit", comment: request.message)
        let image = try keep(result, blob, over: base.layers, request, config, names, scratch, nil, cancellation)
        return (image, writer.sockets)
    }

    /// The content of a tar archive (plain or packed, from any stream) as an image of one layer.
    package func importImage(
        from file: FDBox, named path: String, _ request: NewImage, limits: UnpackLimits? = nil, cancellation: Cancellation? = nil
    ) throws(ImageError) -> ImageRecord {
        let limits = limits ?? self.limits
        let names = try fullNames(request)
        let scratch = try Scratch(layout)
        let blob = try newBlob(scratch)
        let output = try BlobOutput(request.compression, file: blob)
        var stream = StreamSource(file, subject: path)
        let magic = try stream.peek()
        guard !magic.isEmpty else { throw .archive(subject: path, reason: "it is empty") }
        var source = try UnpackedSource(stream, Compression(magic: magic), subject: path)
        var size: UInt64 = 0
        while true {
            let bytes = try source.next()
            try cancellation?.check("import", on: path)
            size += UInt64(bytes.count)
            guard size <= limits.layerSize else { throw .limit(subject: path, what: "more than \(limits.layerSize) bytes uncompressed") }
            if bytes.isEmpty { break }
            try output.write(bytes)
        }
        let result = try output.finish()
        var config = ConfigEditor()
        config.add(
            layer: result.diffID, created: request.created, author: request.author, createdBy: "swiftlet import",
            comment: request.message ?? "Imported from \(path == "-" ? "a stream" : path)")
        return try keep(result, blob, over: [], request, config, names, scratch, limits, cancellation)
    }

    private func fullNames(_ request: NewImage) throws(ImageError) -> [String] {
        guard let name = request.name else { return [] }
        guard let full = ImageName.full(name), !full.contains("@") else {
            throw .invalid(what: "image name", value: name, reason: "not a name with a tag")
        }
        return [full]
    }

    private func newBlob(_ scratch: Scratch) throws(ImageError) -> FDBox {
        try kernel { () throws(SysError) in
            FDBox(try scratch.directory.fd.openEntry(FileName(own: "blob-0"), O_RDWR | O_CREAT | O_EXCL, mode: 0o600))
        }
    }

    /// The image that a container was made of: it cannot go while the container is there.
    private func base(of container: String) throws(ImageError) -> (id: String, config: [UInt8], layers: [ImagePlan.Layer]) {
        let row = try records.read("find image of \(container)") { database in
            try Row.fetchOne(
                database, sql: "SELECT image.* FROM root JOIN image ON image.id = root.image WHERE container = ?", arguments: [container]
            ).map { (id: $0["id"] as String, manifest: $0["manifest"] as String, config: [UInt8]($0["config"] as Data)) }
        }
        guard let row else { throw .notFound(kind: .container, name: container) }
        return (row.id, row.config, try layers(manifest: row.manifest, config: row.config))
    }

    /// The stored layers of an image, lowest first.
    func layers(manifest digest: String, config bytes: [UInt8]) throws(ImageError) -> [ImagePlan.Layer] {
        let manifest = try manifest(digest)
        let document = try Archive.parse(bytes, "image configuration")
        let config = try Archive.fields("image configuration") { () throws(FieldError) in try ImageConfig(json: document) }
        var layers: [ImagePlan.Layer] = []
        for (descriptor, diffID) in zip(manifest.layers, config.diffIDs) {
            guard let compression = Compression(layer: descriptor.mediaType) else {
                throw .unsupported(subject: "manifest \(digest)", what: "layer type `\(descriptor.mediaType)`")
            }
            // Of a layer that the store has only the size is asked for.
            let part = Archive.Part(file: layout.blobs, offset: 0, size: descriptor.size)
            layers.append(.init(part: part, digest: descriptor.digest, compression: compression, diffID: diffID))
        }
        return layers
    }

    /// Unpacks the new layer as it will be read everywhere, and writes the image down.
    private func keep(
        _ result: BlobOutput.Result, _ blob: FDBox, over below: [ImagePlan.Layer], _ request: NewImage, _ editor: ConfigEditor,
        _ names: [String], _ scratch: Scratch, _ limits: UnpackLimits? = nil, _ cancellation: Cancellation? = nil
    ) throws(ImageError) -> ImageRecord {
        let limits = limits ?? self.limits
        var editor = editor
        for change in request.changes { editor.apply(change) }
        let bytes = editor.bytes
        let digest = StreamHash.digest(.sha256, of: bytes)
        let document = try Archive.parse(bytes, "the new image's configuration")
        let config = try Archive.fields("the new image's configuration") { () throws(FieldError) in try ImageConfig(json: document) }
        guard config.diffIDs.count <= limits.layers else {
            throw .limit(subject: "the new image", what: "it has more than \(limits.layers) layers")
        }
        let part = Archive.Part(file: blob, offset: 0, size: result.size)
        let layer = ImagePlan.Layer(part: part, digest: result.digest, compression: request.compression, diffID: result.diffID)
        let plan = ImagePlan(names: names, configBytes: bytes, configDigest: digest, config: config, manifest: nil, layers: below + [layer])
        var load = try LoadPlan(top: plan, scratch: scratch, blob: blob, store: self, limits: limits, cancellation: cancellation)
        try load.run(nil)
        try cancellation?.check("make", on: "the new image")
        let ids = try commit(load, [plan], [names])
        return try image(ids.first ?? digest.description)
    }

    func manifest(_ digest: String) throws(ImageError) -> Manifest {
        let bytes = try blobBytes(digest, limit: Manifest.limit)
        let document = try Archive.parse(bytes, "manifest \(digest)")
        return try Archive.fields("manifest \(digest)") { () throws(FieldError) in try Manifest(json: document) }
    }

    /// A small blob of the store, checked.
    func blobBytes(_ text: String, limit: Int) throws(ImageError) -> [UInt8] {
        guard let digest = Digest(text) else { throw .document(subject: "blob", reason: "`\(text)` is no digest") }
        let bytes = try kernel { () throws(SysError) in
            try layout.blobDirectory(digest.algorithm).fd.openEntry(FileName(own: digest.hex), O_RDONLY).readAll(limit: limit)
        }
        let found = StreamHash.digest(digest.algorithm, of: bytes)
        guard found == digest else { throw .digestMismatch(subject: "blob", wanted: text, found: found.description) }
        return bytes
    }
}
