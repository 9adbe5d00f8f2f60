internal import GRDB
internal import LinuxSys
internal import OCI

extension Store {
    /// Adds or replaces the record with that id, together with the event that tells of it. Throws `exists` when the name is taken in
    /// its sandbox and attempt. A power cut ends what runs: how a container ended is all that has to outlive one.
    package func save(
        _ record: ContainerRecord, event: StoredEvent? = nil, surviving durability: Durability = .processDeath
    ) throws(ImageError) {
        try Self.checkID(record.id, "container id")
        try records.write("save container \(record.id)", surviving: durability) { database in
            let sandbox = record.sandbox ?? ""
            let holder = try String.fetchOne(
                database, sql: "SELECT id FROM container WHERE sandbox = ? AND name = ? AND attempt = ? AND id <> ?",
                arguments: [sandbox, record.name, Int64(record.attempt), record.id])
            if holder != nil { throw ImageError.exists(kind: .container, name: record.name) }
            try database.execute(
                sql: """
                    INSERT INTO container (id, name, sandbox, attempt, image, created, record) VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, sandbox = excluded.sandbox, attempt = excluded.attempt,
                        image = excluded.image, created = excluded.created, record = excluded.record
                    """,
                arguments: [
                    record.id, record.name, sandbox, Int64(record.attempt), record.imageID, Int64(bitPattern: record.created),
                    record.json.text(),
                ])
            if let event { try Self.insert(event, database) }
        }
    }

    /// Oldest first.
    package func containers() throws(ImageError) -> [ContainerRecord] {
        let texts = try records.read("list containers") {
            try String.fetchAll($0, sql: "SELECT record FROM container ORDER BY created, id")
        }
        var result: [ContainerRecord] = []
        for text in texts { result.append(try ContainerRecord(stored: text)) }
        return result
    }

    /// By id, name, or a prefix of the id that only one container has.
    package func container(_ reference: String) throws(ImageError) -> ContainerRecord {
        try ContainerRecord(stored: try find(reference, in: "container", .container))
    }

    /// Removes the record, together with the event that tells of it; nothing to remove is fine.
    package func remove(container id: String, event: StoredEvent? = nil) throws(ImageError) {
        try records.write("remove container \(id)", surviving: .processDeath) { database in
            try database.execute(sql: "DELETE FROM container WHERE id = ?", arguments: [id])
            if let event { try Self.insert(event, database) }
        }
    }

    /// Adds or replaces the record with that id. Throws `exists` when another pod has the same name, namespace, uid and attempt.
    package func save(_ record: PodRecord) throws(ImageError) {
        try Self.checkID(record.id, "pod id")
        try records.write("save pod \(record.id)", surviving: .processDeath) { database in
            let holder = try String.fetchOne(
                database, sql: "SELECT id FROM pod WHERE name = ? AND namespace = ? AND uid = ? AND attempt = ? AND id <> ?",
                arguments: [record.name, record.namespace, record.uid, Int64(record.attempt), record.id])
            if holder != nil { throw ImageError.exists(kind: .pod, name: record.name) }
            try database.execute(
                sql: """
                    INSERT INTO pod (id, name, namespace, uid, attempt, created, record) VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, namespace = excluded.namespace, uid = excluded.uid,
                        attempt = excluded.attempt, created = excluded.created, record = excluded.record
                    """,
                arguments: [
                    record.id, record.name, record.namespace, record.uid, Int64(record.attempt), Int64(bitPattern: record.created),
                    record.json.text(),
                ])
        }
    }

    /// Oldest first.
    package func pods() throws(ImageError) -> [PodRecord] {
        let texts = try records.read("list pods") { try String.fetchAll($0, sql: "SELECT record FROM pod ORDER BY created, id") }
        var result: [PodRecord] = []
        for text in texts { result.append(try PodRecord(stored: text)) }
        return result
    }

    /// By id, name, or a prefix of the id that only one pod has.
    package func pod(_ reference: String) throws(ImageError) -> PodRecord { try PodRecord(stored: try find(reference, in: "pod", .pod)) }

    /// Removes the record; nothing to remove is fine.
    package func remove(pod id: String) throws(ImageError) {
        try records.write("remove pod \(id)", surviving: .processDeath) {
            try $0.execute(sql: "DELETE FROM pod WHERE id = ?", arguments: [id])
        }
    }

    /// `table` is one of this file's own words, never a caller's.
    private func find(_ reference: String, in table: String, _ kind: ImageError.Kind) throws(ImageError) -> String {
        let found = try records.read("find \(kind.rawValue) \(reference)") { database in
            for column in ["id", "name"] {
                let records = try String.fetchAll(
                    database, sql: "SELECT record FROM \(table) WHERE \(column) = ? LIMIT 2", arguments: [reference])
                if !records.isEmpty { return records }
            }
            guard !reference.isEmpty, Self.isID(reference) else { return [] }
            return try String.fetchAll(
                database, sql: "SELECT record FROM \(table) WHERE substr(id, 1, ?) = ? LIMIT 2",
                arguments: [reference.utf8.count, reference])
        }
        guard let record = found.first else { throw .notFound(kind: kind, name: reference) }
        guard found.count == 1 else { throw .ambiguous(kind: kind, name: reference) }
        return record
    }

    /// Ids become file names and mount options.
    static func checkID(_ id: String, _ what: String) throws(ImageError) {
        guard isID(id) else {
            throw .invalid(what: what, value: id, reason: "1 to 128 letters, digits, `_`, `.`, `-` expected, the first a letter or digit")
        }
    }

    private static func isID(_ id: String) -> Bool {
        guard ImageName.isTag(id), let first = id.utf8.first else { return false }
        return first != 0x5f
    }
}

extension ContainerRecord {
    var json: JSON {
        [
            "version": 1, "id": .string(id), "name": .string(name), "image": .string(image), "imageID": .string(imageID),
            "created": .unsigned(created),
            "command": .array(command.map { .string($0) }), "bundle": .string(bundle), "sandbox": sandbox.map { .string($0) } ?? .null,
            "labels": .map(labels), "annotations": .map(annotations), "attempt": .integer(Int64(attempt)), "extra": extra,
        ]
    }

    init(stored text: String) throws(ImageError) {
        let field = JSONField(try JSON(stored: text, "container record"))
        self = try Archive.fields("container record") { () throws(FieldError) in
            var record = ContainerRecord(
                id: try field.member("id").string(), name: try field.member("name").string(), image: try field.member("image").string(),
                imageID: try field.member("imageID").string(), created: try field.member("created").integer(),
                bundle: try field.member("bundle").string())
            record.command = try field.member("command").strings()
            record.sandbox = try field.member("sandbox").optionalString()
            record.labels = try field.member("labels").stringMap()
            record.annotations = try field.member("annotations").stringMap()
            record.attempt = try field.member("attempt").integer()
            record.extra = try field.member("extra").value ?? .null
            return record
        }
    }
}

extension PodRecord {
    var json: JSON {
        [
            "version": 1, "id": .string(id), "name": .string(name), "namespace": .string(namespace), "uid": .string(uid),
            "created": .unsigned(created),
            "labels": .map(labels), "annotations": .map(annotations), "attempt": .integer(Int64(attempt)), "extra": extra,
        ]
    }

    init(stored text: String) throws(ImageError) {
        let field = JSONField(try JSON(stored: text, "pod record"))
        self = try Archive.fields("pod record") { () throws(FieldError) in
            var record = PodRecord(
                id: try field.member("id").string(), name: try field.member("name").string(),
                namespace: try field.member("namespace").string(),
                uid: try field.member("uid").string(), created: try field.member("created").integer())
            record.labels = try field.member("labels").stringMap()
            record.annotations = try field.member("annotations").stringMap()
            record.attempt = try field.member("attempt").integer()
            record.extra = try field.member("extra").value ?? .null
            return record
        }
    }
}
