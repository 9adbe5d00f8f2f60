internal import FoundationEssentials
internal import GRDB
internal import LinuxSys
internal import OCI

extension Store {
    /// Newest first.
    package func images() throws(ImageError) -> [ImageRecord] {
        try records.read("list images") { database in
            try Row.fetchAll(database, sql: "SELECT * FROM image ORDER BY loaded DESC, id").map { try Self.record($0, database) }
        }
    }

    /// By name, name:tag, id, or a prefix of the id that only one image has.
    package func image(_ reference: String) throws(ImageError) -> ImageRecord {
        guard let id = try find(reference).id else { throw .notFound(kind: .image, name: reference) }
        let found = try records.read("find image \(reference)") { database in
            try Row.fetchOne(database, sql: "SELECT * FROM image WHERE id = ?", arguments: [id]).map { try Self.record($0, database) }
        }
        guard let found else { throw .notFound(kind: .image, name: reference) }
        return found
    }

    /// The id of the image, and the name when it was found by one.
    func find(_ reference: String) throws(ImageError) -> (id: String?, name: String?) {
        try records.read("find image \(reference)") { database in
            for name in [reference, ImageName.full(reference), ImageName.byDigest(reference)].compactMap({ $0 }) {
                if let id = try String.fetchOne(database, sql: "SELECT image FROM name WHERE name = ?", arguments: [name]) {
                    return (id, name)
                }
            }
            let digits = reference.hasPrefix("sha256:") ? Self.hex(reference) : reference
            guard digits.utf8.count >= 4, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
                return (nil, nil)
            }
            let ids = try String.fetchAll(database, sql: "SELECT id FROM image WHERE id LIKE ? LIMIT 2", arguments: ["sha256:\(digits)%"])
            guard ids.count < 2 else { throw ImageError.ambiguous(kind: .image, name: reference) }
            return (ids.first, nil)
        }
    }

    static func record(_ row: Row, _ database: Database) throws -> ImageRecord {
        let id: String = row["id"]
        let bytes = [UInt8](row["config"] as Data)
        let document = try Archive.parse(bytes, "image configuration \(id)")
        let config = try Archive.fields("image configuration \(id)") { () throws(FieldError) in try ImageConfig(json: document) }
        let names = try String.fetchAll(database, sql: "SELECT name FROM name WHERE image = ? ORDER BY name", arguments: [id])
        return ImageRecord(
            id: id, names: names, manifest: row["manifest"], chain: (row["chain"] as String).split(separator: " ").map(String.init),
            size: UInt64(bitPattern: row["size"] as Int64), loaded: UInt64(bitPattern: row["loaded"] as Int64), config: config)
    }

    /// Takes the name away; with the last name (or by id) the image goes, unless a container uses it.
    package func removeImage(_ reference: String) throws(ImageError) {
        let found = try find(reference)
        guard let id = found.id else { throw .notFound(kind: .image, name: reference) }
        let trash = try layout.locked { () throws(ImageError) -> Scratch? in
            let leavesGarbage = try records.write("remove image \(reference)") { database -> Bool in
                // A name with a digest, which a pull gives beside one with a tag, keeps no image.
                let others =
                    try Int.fetchOne(
                        database,
                        sql: "SELECT count(*) FROM name WHERE image = ?1 AND name <> ?2 AND (instr(?2, '@') OR NOT instr(name, '@'))",
                        arguments: [id, found.name ?? ""]) ?? 0
                if let name = found.name, others > 0 {
                    // With the name goes the index that came under it.
                    let hadIndex = try Bool.fetchOne(database, sql: "SELECT 1 FROM name_index WHERE name = ?", arguments: [name]) ?? false
                    try database.execute(sql: "DELETE FROM name WHERE name = ?", arguments: [name])
                    return hadIndex
                }
                let user = try String.fetchOne(
                    database, sql: "SELECT container FROM root WHERE image = ? UNION SELECT id FROM container WHERE image = ?",
                    arguments: [id, id])
                if let user { throw ImageError.inUse(kind: .image, name: reference, by: "container \(user)") }
                try database.execute(sql: "DELETE FROM image WHERE id = ?", arguments: [id])
                return true
            }
            let trash = leavesGarbage ? try collect().trash : nil
            try writeIndex()
            return trash
        }
        // What was removed goes from the disk while others may use the store.
        withExtendedLifetime(trash) {}
    }

    /// `index.json` and `oci-layout` as the records say, so that other tools can read the blobs. The store is locked.
    func writeIndex() throws(ImageError) {
        let index = try indexBytes()
        try kernel { () throws(SysError) in
            try layout.replace("index.json", index)
            try layout.replace("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        }
    }

    func indexBytes() throws(ImageError) -> [UInt8] {
        let manifests = try records.read("list images") { database in
            try Row.fetchAll(
                database,
                sql: "SELECT manifest, manifest_size, name FROM image LEFT JOIN name ON name.image = image.id ORDER BY manifest, name"
            ).compactMap { row -> Descriptor? in
                guard let digest = Digest(row["manifest"]) else { return nil }
                var descriptor = Descriptor(
                    mediaType: MediaType.manifest, digest: digest, size: UInt64(bitPattern: row["manifest_size"] as Int64))
                if let name: String = row["name"] {
                    descriptor.annotations = ["io.containerd.image.name": name, "org.opencontainers.image.ref.name": name]
                }
                return descriptor
            }
        }
        return Index(manifests: manifests).json.encoded(pretty: true)
    }
}
