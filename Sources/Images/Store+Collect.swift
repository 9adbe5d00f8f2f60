internal import GRDB
internal import LinuxSys
internal import OCI

/// What a collection took away.
package struct Collected: Equatable, Sendable {
    /// Names, or ids of images without one.
    package var images: [String] = []
    package var leases = 0
    package var snapshots = 0
    package var blobs = 0
    /// Bytes of blobs and of the files in snapshots.
    package var bytes: UInt64 = 0

    package var isEmpty: Bool { self == Collected() }
}

/// Which images a collection takes, of those that no container uses.
package enum ImageSelection: Sendable {
    case none
    /// Those that lost their last name to another image.
    case unnamed
    case all
}

/// Garbage is what no image, no container and no lease refers to. Records go first, in one transaction; then the files are moved to
/// where work in progress is, and removed there. A process that is killed on the way leaves nothing that the next one does not find.
extension Store {
    /// Removes images, then garbage. `before`: only images loaded before that time (Unix nanoseconds).
    package func collectGarbage(_ selection: ImageSelection, before: UInt64? = nil) throws(ImageError) -> Collected {
        let (collected, trash) = try layout.locked { () throws(ImageError) in
            let images = try removeImages(selection, before: before, most: .max)
            var (collected, trash) = try collect(counting: true)
            collected.images = images
            try writeIndex()
            return (collected, trash)
        }
        withExtendedLifetime(trash) {}
        return collected
    }

    /// When the disk is fuller than `percent`, removes images without a name that no container uses, oldest first, until it is not.
    package func collectUnderPressure(percent: Int) throws(ImageError) -> Collected {
        var sum = Collected()
        while try DiskSpace(of: layout.root).usedPercent > percent {
            let (step, trash) = try layout.locked { () throws(ImageError) in
                let images = try removeImages(.unnamed, before: nil, most: 1)
                var (collected, trash) = try collect(counting: true)
                collected.images = images
                try writeIndex()
                return (collected, trash)
            }
            withExtendedLifetime(trash) {}
            sum.images += step.images
            sum.leases += step.leases
            sum.snapshots += step.snapshots
            sum.blobs += step.blobs
            sum.bytes += step.bytes
            if step.images.isEmpty { break }
        }
        return sum
    }

    /// The store is locked.
    private func removeImages(_ selection: ImageSelection, before: UInt64?, most: Int) throws(ImageError) -> [String] {
        if case .none = selection { return [] }
        return try records.write("remove images") { database in
            var sql = """
                SELECT id, (SELECT group_concat(name, ' ') FROM name WHERE image = id) AS names FROM image
                WHERE id NOT IN (SELECT image FROM root) AND id NOT IN (SELECT image FROM container)
                """
            if case .unnamed = selection { sql += " AND id NOT IN (SELECT image FROM name)" }
            if let before { sql += " AND loaded < \(Int64(clamping: before))" }
            let rows = try Row.fetchAll(database, sql: sql + " ORDER BY loaded, id LIMIT \(most)")
            for row in rows { try database.execute(sql: "DELETE FROM image WHERE id = ?", arguments: [row["id"] as String]) }
            return rows.map { row in
                (row["names"] as String?).map { $0.split(separator: " ").map { ImageName.familiar(String($0)) }.joined(separator: " ") }
                    ?? String(Self.hex(row["id"]).prefix(12))
            }
        }
    }

    /// What is referred to, by image, container or lease that has not run out.
    func references() throws(ImageError) -> (chains: Set<String>, blobs: Set<String>) {
        try records.read("list references") { database in
            func words(_ sql: String) throws -> Set<String> {
                var words: Set<String> = []
                for list in try String.fetchAll(database, sql: sql) { words.formUnion(list.split(separator: " ").map(String.init)) }
                return words
            }
            var chains = try words("SELECT chain FROM image UNION SELECT chain FROM root")
            // A snapshot cannot stand without those below it.
            chains.formUnion(
                try String.fetchAll(
                    database,
                    sql: """
                        WITH RECURSIVE below (chain) AS (SELECT key FROM lease_item WHERE kind = 'snapshot'
                            UNION SELECT parent FROM snapshot JOIN below ON snapshot.chain = below.chain WHERE parent IS NOT NULL)
                        SELECT chain FROM below
                        """))
            return (
                chains,
                try words("SELECT blobs FROM image UNION SELECT blobs FROM name_index UNION SELECT key FROM lease_item WHERE kind = 'blob'")
            )
        }
    }

    /// Removes snapshots and blobs that nothing refers to. The store is locked. The files are gone from the disk with the last
    /// reference to `trash`: best after the lock.
    func collect(counting: Bool = false) throws(ImageError) -> (collected: Collected, trash: Scratch?) {
        var collected = Collected()
        collected.leases = try records.write("end leases") { database in
            try database.execute(sql: "DELETE FROM lease WHERE expires < ?", arguments: [Int64(bitPattern: realtimeNanoseconds())])
            return database.changesCount
        }
        let (chains, blobs) = try references()
        let gone = try records.write("remove snapshots") { database -> [(chain: String, link: String)] in
            var unused: [(chain: String, link: String)] = []
            for row in try Row.fetchAll(database, sql: "SELECT chain, link FROM snapshot") {
                let chain: String = row["chain"]
                if !chains.contains(chain) { unused.append((chain, row["link"])) }
            }
            for row in unused { try database.execute(sql: "DELETE FROM snapshot WHERE chain = ?", arguments: [row.chain]) }
            return unused
        }
        let unusedBlobs = try unusedBlobs(keeping: blobs)
        collected.snapshots = gone.count
        collected.blobs = unusedBlobs.count
        guard !gone.isEmpty || !unusedBlobs.isEmpty else { return (collected, nil) }
        let trash = try Scratch(held: layout)
        for row in gone {
            _ = try kernel { () throws(SysError) in try layout.links.fd.removeEntry(FileName(own: row.link), isDirectory: false) }
            try discard(FileName(own: Self.hex(row.chain)), of: layout.layers, to: trash, counting ? { collected.bytes += $0 } : nil)
        }
        for (directory, name) in unusedBlobs { try discard(name, of: directory, to: trash, counting ? { collected.bytes += $0 } : nil) }
        return (collected, trash)
    }

    private func unusedBlobs(keeping known: Set<String>) throws(ImageError) -> [(FDBox, FileName)] {
        try kernel { () throws(SysError) in
            var unused: [(FDBox, FileName)] = []
            for algorithm in [Digest.Algorithm.sha256, .sha512] {
                let directory = try layout.blobDirectory(algorithm)
                for name in try directory.fd.entries() where !known.contains("\(algorithm.rawValue):\(name)") {
                    unused.append((directory, name))
                }
            }
            return unused
        }
    }

    private func discard(_ name: FileName, of directory: FDBox, to trash: Scratch, _ count: ((UInt64) -> Void)?) throws(ImageError) {
        guard try kernel({ () throws(SysError) in try directory.fd.status(of: name) }) != nil else { return }
        if let count { count(try TreeSize.bytes(of: name, in: directory)) }
        try kernel { () throws(SysError) in
            // A blob may be called as a layer is.
            try directory.fd.rename(name, in: trash.directory.fd, to: FileName(own: randomName(16)), replacing: false)
        }
    }
}
