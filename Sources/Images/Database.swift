internal import GRDB
internal import OCI

/// What a change outlives from the moment it is made. Whatever ends, a change is there whole or not at all, and none without those before it.
package enum Durability: Sendable {
    /// The process' end at any moment. A power cut may take the last changes; who starts then finds a state that was.
    case processDeath
    /// A power cut too, and with it all changes before.
    case powerLoss

    /// SQLite's word for it where there is a write-ahead log (pragma.html, "synchronous"): the log is flushed at every commit, or only
    /// before pages leave it for the database.
    fileprivate var pragma: String {
        switch self {
        case .processDeath: "PRAGMA synchronous = NORMAL"
        case .powerLoss: "PRAGMA synchronous = FULL"
        }
    }
}

/// The records of a store in SQLite: write-ahead log, so that readers do not wait for writers; a busy database is waited for.
final class Records: Sendable {
    private let queue: DatabaseQueue

    init(path: String) throws(ImageError) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(20)
        configuration.foreignKeysEnabled = true
        queue = try Self.gate("open database \(path)") { try DatabaseQueue(path: path, configuration: configuration) }
        try Self.gate("migrate database \(path)") { try Self.migrator.migrate(queue) }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE image (id TEXT PRIMARY KEY, manifest TEXT NOT NULL, manifest_size INTEGER NOT NULL, chain TEXT NOT NULL,
                        blobs TEXT NOT NULL, size INTEGER NOT NULL, loaded INTEGER NOT NULL, config BLOB NOT NULL);
                    CREATE TABLE name (name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE);
                    CREATE TABLE snapshot (chain TEXT PRIMARY KEY, parent TEXT, link TEXT NOT NULL UNIQUE);
                    CREATE TABLE root (container TEXT PRIMARY KEY, image TEXT NOT NULL, chain TEXT NOT NULL);
                    CREATE TABLE container (id TEXT PRIMARY KEY, name TEXT NOT NULL, sandbox TEXT NOT NULL, attempt INTEGER NOT NULL,
                        image TEXT NOT NULL, created INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (sandbox, name, attempt));
                    CREATE TABLE pod (id TEXT PRIMARY KEY, name TEXT NOT NULL, namespace TEXT NOT NULL, uid TEXT NOT NULL,
                        attempt INTEGER NOT NULL, created INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (name, namespace, uid, attempt));
                    """)
        }
        migrator.registerMigration("2") { database in
            try database.execute(sql: "ALTER TABLE root ADD COLUMN snapshotter TEXT NOT NULL DEFAULT 'overlay'")
        }
        migrator.registerMigration("3") { database in
            try database.execute(
                sql: """
                    ALTER TABLE snapshot ADD COLUMN size INTEGER;
                    CREATE TABLE prototype (chain TEXT PRIMARY KEY REFERENCES snapshot (chain) ON DELETE CASCADE, links TEXT NOT NULL,
                        plan TEXT NOT NULL);
                    CREATE TABLE lease (id TEXT PRIMARY KEY, note TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL);
                    CREATE TABLE lease_item (lease TEXT NOT NULL REFERENCES lease (id) ON DELETE CASCADE, kind TEXT NOT NULL,
                        key TEXT NOT NULL, PRIMARY KEY (lease, kind, key));
                    """)
        }
        migrator.registerMigration("4") { database in
            try database.execute(
                sql: """
                    CREATE TABLE event (sequence INTEGER PRIMARY KEY, message BLOB NOT NULL);
                    CREATE TABLE event_bounds (only INTEGER PRIMARY KEY CHECK (only = 1), floor INTEGER NOT NULL, last INTEGER NOT NULL);
                    INSERT INTO event_bounds VALUES (1, 0, 0);
                    """)
        }
        // The index that an image came with under a name: its digest, and the digests of all that the store keeps of it.
        migrator.registerMigration("5") { database in
            try database.execute(
                sql: """
                    CREATE TABLE name_index (name TEXT PRIMARY KEY REFERENCES name (name) ON DELETE CASCADE, digest TEXT NOT NULL,
                        blobs TEXT NOT NULL);
                    """)
        }
        return migrator
    }

    func read<T>(_ operation: String, _ body: (Database) throws -> T) throws(ImageError) -> T {
        try Self.gate(operation) { try queue.read(body) }
    }

    /// All of `body` or nothing. Files may go, or an orchestrator be told, for what outlives a power loss.
    func write<T>(
        _ operation: String, surviving durability: Durability = .powerLoss, _ body: (Database) throws -> T
    ) throws(ImageError) -> T {
        try Self.gate(operation) {
            try queue.writeWithoutTransaction { database in
                // Not within a transaction.
                try database.execute(sql: durability.pragma)
                var result: T?
                try database.inTransaction(.immediate) {
                    result = try body(database)
                    return .commit
                }
                guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
                return result
            }
        }
    }

    private static func gate<T>(_ operation: String, _ body: () throws -> T) throws(ImageError) -> T {
        do {
            return try body()
        } catch let error as ImageError {
            throw error
        } catch let error as DatabaseError {
            throw .database(operation: operation, reason: error.message ?? error.resultCode.description)
        } catch {
            throw .database(operation: operation, reason: "\(error)")
        }
    }
}

extension JSON {
    /// A document that this program wrote.
    init(stored text: String, _ subject: String) throws(ImageError) {
        self = try Archive.parse(Array(text.utf8), subject)
    }

    static func map(_ values: [String: String]) -> JSON {
        var object = JSONObject()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
        return .object(object)
    }
}
