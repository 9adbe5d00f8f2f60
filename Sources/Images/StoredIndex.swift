internal import GRDB
internal import LinuxSys
package import OCI

/// The index that an image came with, as far as the store has what it names.
package struct StoredIndex: Sendable {
    /// One document of it, to be handed on as it is.
    package struct Document: Sendable {
        package let descriptor: Descriptor
        package let bytes: [UInt8]
    }
    /// Each behind what it names: the index itself last.
    package private(set) var documents: [Document] = []
    /// What the manifests name, each once.
    package private(set) var blobs: [Descriptor] = []
    /// Manifests that are not here, or not all of what they name: platform and digest.
    package private(set) var missing: [String] = []
    package private(set) var manifests = 0

    package var top: Descriptor { documents[documents.count - 1].descriptor }

    fileprivate init() {}
}

extension StoredIndex {
    /// Below `descriptor`, which is an index. Returns whether all is there.
    fileprivate mutating func walk(_ descriptor: Descriptor, depth: Int, _ store: Store) throws(ImageError) {
        guard depth < PlannedIndex.nesting, documents.count < PlannedIndex.most else {
            throw .limit(subject: "index \(descriptor.digest)", what: "indexes are nested too deep, or too many")
        }
        let bytes = try store.blobBytes(descriptor.digest.description, limit: Index.limit)
        let name = "index \(descriptor.digest)"
        let json = try Archive.parse(bytes, name)
        let index = try Archive.fields(name) { () throws(FieldError) in try Index(json: json) }
        for child in index.manifests where !documents.contains(where: { $0.descriptor.digest == child.digest }) {
            guard try store.storedBlob(child) != nil else {
                missing.append(Self.shown(child))
                continue
            }
            if MediaType.isIndex(child.mediaType) {
                try walk(child, depth: depth + 1, store)
            } else {
                try add(child, store)
            }
        }
        documents.append(Document(descriptor: descriptor, bytes: bytes))
    }

    private mutating func add(_ manifest: Descriptor, _ store: Store) throws(ImageError) {
        let bytes = try store.blobBytes(manifest.digest.description, limit: Manifest.limit)
        let name = "manifest \(manifest.digest)"
        let json = try Archive.parse(bytes, name)
        let content = try Archive.fields(name) { () throws(FieldError) in try Manifest.content(json: json) }
        for descriptor in content where try store.storedBlob(descriptor) == nil {
            missing.append(Self.shown(manifest))
            return
        }
        for descriptor in content where !blobs.contains(where: { $0.digest == descriptor.digest }) { blobs.append(descriptor) }
        documents.append(Document(descriptor: manifest, bytes: bytes))
        manifests += 1
    }

    static func shown(_ descriptor: Descriptor) -> String {
        (descriptor.platform.map { TarEntry.shown(Array("\($0) ".utf8)) } ?? "") + descriptor.digest.description
    }
}

extension Store {
    /// The index that the image came with under this name; nil when it came without, or is called by its id.
    package func storedIndex(_ reference: String) throws(ImageError) -> StoredIndex? {
        guard let name = try find(reference).name else { return nil }
        let found = try records.read("find index of \(name)") {
            try String.fetchOne($0, sql: "SELECT digest FROM name_index WHERE name = ?", arguments: [name])
        }
        guard let found, let digest = Digest(found) else { return nil }
        let bytes = try blobBytes(found, limit: Index.limit)
        let type = try Archive.parse(bytes, "index \(digest)")["mediaType"]?.string ?? MediaType.index
        var index = StoredIndex()
        try index.walk(Descriptor(mediaType: type, digest: digest, size: UInt64(bytes.count)), depth: 0, self)
        return index
    }

    /// The same, of which nothing may be missing.
    package func wholeIndex(_ reference: String, for operation: String) throws(ImageError) -> StoredIndex {
        guard let index = try storedIndex(reference) else {
            throw .invalid(what: "image", value: reference, reason: "it did not come as an index: \(operation) it without --all-platforms")
        }
        guard index.missing.isEmpty else {
            throw .document(
                subject: "index \(index.top.digest)",
                reason: "the store has not all of \(index.missing.joined(separator: ", ")): load or pull it with --all-platforms")
        }
        return index
    }

    /// Gives a name to an image, with the index that it came with. Without one an index that has the image stays with the name.
    static func give(_ name: String, to image: String, _ index: PlannedIndex?, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO name (name, image) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image",
            arguments: [name, image])
        let before = try Row.fetchOne(database, sql: "SELECT digest, blobs FROM name_index WHERE name = ?", arguments: [name])
            .map { (digest: $0["digest"] as String, blobs: $0["blobs"] as String) }
        guard let index, let digest = index.documents.first?.digest.description else {
            guard let before else { return }
            let manifest = try String.fetchOne(database, sql: "SELECT manifest FROM image WHERE id = ?", arguments: [image]) ?? ""
            if !before.blobs.split(separator: " ").contains(Substring(manifest)) {
                try database.execute(sql: "DELETE FROM name_index WHERE name = ?", arguments: [name])
            }
            return
        }
        var blobs: [String] = []
        // What another pull brought of the same index stays.
        let old = before?.digest == digest ? before?.blobs.split(separator: " ").map(String.init) ?? [] : []
        for blob in index.documents.map(\.digest.description) + index.content.map(\.digest.description) + old where !blobs.contains(blob) {
            blobs.append(blob)
        }
        try database.execute(
            sql: "INSERT OR REPLACE INTO name_index (name, digest, blobs) VALUES (?, ?, ?)",
            arguments: [name, digest, blobs.joined(separator: " ")])
    }

    /// The name's index goes with it to another name of the same image.
    static func copyIndex(from name: String?, to other: String, _ database: Database) throws {
        guard let name, name != other else { return }
        try database.execute(sql: "DELETE FROM name_index WHERE name = ?", arguments: [other])
        try database.execute(
            sql: "INSERT INTO name_index (name, digest, blobs) SELECT ?, digest, blobs FROM name_index WHERE name = ?",
            arguments: [other, name])
    }

    /// Forgets what there is for other machines; the image stays.
    func forgetIndex(_ name: String) throws(ImageError) {
        try records.write("forget index of \(name)") {
            try $0.execute(sql: "DELETE FROM name_index WHERE name = ?", arguments: [name])
        }
    }
}
