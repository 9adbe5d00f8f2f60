internal import FoundationEssentials
internal import GRDB

/// What is told about a container, kept for those who were not there to hear it.
package struct StoredEvent: Equatable, Sendable {
    /// Rises with every event.
    package var sequence: UInt64
    package var message: [UInt8]

    package init(sequence: UInt64, message: [UInt8]) {
        self.sequence = sequence
        self.message = message
    }
}

/// The last events, oldest first; an event and the change that it tells of are written in one transaction.
extension Store {
    /// The newest this many are kept, and never more than a quarter above.
    package static let keptEvents = 4096

    static func insert(_ event: StoredEvent, _ database: Database) throws {
        let sequence = Int64(clamping: event.sequence)
        try database.execute(sql: "INSERT INTO event (sequence, message) VALUES (?, ?)", arguments: [sequence, Data(event.message)])
        try database.execute(sql: "UPDATE event_bounds SET last = ?", arguments: [sequence])
        // The rowid of this table is the sequence, which is a time: how many there are has to be counted, but not at each.
        guard event.sequence % 64 == 0, try Int.fetchOne(database, sql: "SELECT count(*) FROM event") ?? 0 > keptEvents * 5 / 4 else {
            return
        }
        let floor = try Int64.fetchOne(
            database, sql: "SELECT sequence FROM event ORDER BY sequence DESC LIMIT 1 OFFSET ?", arguments: [keptEvents])
        guard let floor else { return }
        try database.execute(sql: "DELETE FROM event WHERE sequence <= ?", arguments: [floor])
        try database.execute(sql: "UPDATE event_bounds SET floor = ?", arguments: [floor])
    }

    /// Of everything that was ever told: the newest that is gone, and the newest of all. 0 when there is none.
    package func eventBounds() throws(ImageError) -> (floor: UInt64, last: UInt64) {
        try records.read("read events") { database in
            let row = try Row.fetchOne(database, sql: "SELECT floor, last FROM event_bounds")
            return (UInt64(clamping: row?["floor"] as Int64? ?? 0), UInt64(clamping: row?["last"] as Int64? ?? 0))
        }
    }

    /// Those after `after` up to and with `last`, in order, at most `limit`.
    package func events(after: UInt64, upTo last: UInt64, limit: Int) throws(ImageError) -> [StoredEvent] {
        try records.read("read events") { database in
            try Row.fetchAll(
                database, sql: "SELECT sequence, message FROM event WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
                arguments: [Int64(clamping: after), Int64(clamping: last), limit]
            ).map { StoredEvent(sequence: UInt64(clamping: $0["sequence"] as Int64), message: [UInt8]($0["message"] as Data)) }
        }
    }
}
