internal import GRDB
internal import LinuxSys
package import OCI

/// Keeps content that no image refers to yet from being collected, until it is released or its time is up. A process that dies
/// leaves a lease that runs out by itself.
package struct Lease: Sendable, Equatable {
    package let id: String
    package let note: String
    /// Unix nanoseconds.
    package let created: UInt64
    package let expires: UInt64
}

extension Store {
    /// `note` is for people: what it is for.
    package func lease(_ note: String, seconds: UInt64) throws(ImageError) -> Lease {
        let now = realtimeNanoseconds()
        let lease = Lease(id: randomName(16), note: note, created: now, expires: now + seconds * 1_000_000_000)
        try records.write("make lease") {
            try $0.execute(
                sql: "INSERT INTO lease (id, note, created, expires) VALUES (?, ?, ?, ?)",
                arguments: [lease.id, note, Int64(bitPattern: now), Int64(bitPattern: lease.expires)])
        }
        return lease
    }

    /// Throws `notFound` when the lease has run out.
    package func add(blob digest: Digest, to lease: Lease) throws(ImageError) { try add("blob", digest.description, lease) }
    package func add(snapshot chainID: Digest, to lease: Lease) throws(ImageError) { try add("snapshot", chainID.description, lease) }

    private func add(_ kind: String, _ key: String, _ lease: Lease) throws(ImageError) {
        // Under the lock: a collection that has read the leases must not miss this one.
        try layout.locked { () throws(ImageError) in
            try records.write("extend lease \(lease.id)") { database in
                guard try Bool.fetchOne(database, sql: "SELECT 1 FROM lease WHERE id = ?", arguments: [lease.id]) == true else {
                    throw ImageError.notFound(kind: .lease, name: lease.id)
                }
                try database.execute(sql: "INSERT OR IGNORE INTO lease_item VALUES (?, ?, ?)", arguments: [lease.id, kind, key])
            }
        }
    }

    /// From now on what it kept is garbage, unless something else refers to it. Fine when it has run out.
    package func release(_ lease: Lease) throws(ImageError) {
        try records.write("release lease \(lease.id)") { try $0.execute(sql: "DELETE FROM lease WHERE id = ?", arguments: [lease.id]) }
    }

    /// Oldest first.
    package func leases() throws(ImageError) -> [Lease] {
        try records.read("list leases") { database in
            try Row.fetchAll(database, sql: "SELECT * FROM lease ORDER BY created, id").map { row in
                Lease(
                    id: row["id"], note: row["note"], created: UInt64(bitPattern: row["created"] as Int64),
                    expires: UInt64(bitPattern: row["expires"] as Int64))
            }
        }
    }
}
