internal import FoundationEssentials
internal import GRDB
import Glibc
internal import LinuxSys
internal import OCI

extension Row {
    var config: [UInt8] { [UInt8](self["config"] as Data) }
}

/// One look at a store that is locked, from the database to the files.
final class StoreCheck {
    let store: Store
    let scratch: Scratch
    let repair: Bool
    /// What is known to be wrong with blobs and snapshots, by digest and chain ID.
    let badBlobs: [String: String]
    let badTrees: [String: String]
    private(set) var findings: [Finding] = []
    private typealias Row = (chain: String, parent: String?, link: String)
    private var layout: StoreLayout { store.layout }

    init(store: Store, scratch: Scratch, repair: Bool, badBlobs: [String: String], badTrees: [String: String]) {
        (self.store, self.scratch, self.repair) = (store, scratch, repair)
        (self.badBlobs, self.badTrees) = (badBlobs, badTrees)
    }

    func run() throws(ImageError) {
        try checkDatabase()
        // Blobs first: a snapshot is mended from its blob.
        try checkBlobs()
        try checkIndexes()
        try checkSnapshots()
        try checkContainers()
        try checkIndex()
    }

    private func tell(_ subject: String, _ what: String, _ mend: () throws(ImageError) -> Finding.Outcome) {
        var finding = Finding(subject: subject, what: what)
        if repair {
            do throws(ImageError) { finding.outcome = try mend() } catch { finding.outcome = .kept(error.description) }
        }
        findings.append(finding)
    }

    private func checkDatabase() throws(ImageError) {
        let lines = try store.records.read("check database") { try String.fetchAll($0, sql: "PRAGMA integrity_check(5)") }
        for line in lines where line != "ok" {
            tell("store.sqlite", line) { () throws(ImageError) in .kept("a damaged database is not mended") }
        }
    }

    private func checkBlobs() throws(ImageError) {
        try checkBlobs("SELECT id, blobs FROM image ORDER BY loaded", of: { "image \(String(Store.hex($0).prefix(12)))" }) {
            (id) throws(ImageError) in
            try store.forgetImage(id) ? .repaired("the image is removed: load or pull it again") : .kept("a container uses the image")
        }
    }

    private func checkIndexes() throws(ImageError) {
        try checkBlobs("SELECT name, blobs FROM name_index ORDER BY name", of: { "the index of \($0)" }) { (name) throws(ImageError) in
            try store.forgetIndex(name)
            return .repaired("the index is forgotten, the image stays: pull it again with --all-platforms")
        }
    }

    /// `query` finds owners, and the digests of the blobs of each.
    private func checkBlobs(
        _ query: String, of owner: (String) -> String, mend: (String) throws(ImageError) -> Finding.Outcome
    ) throws(ImageError) {
        let owners = try store.records.read("list blobs") { database in
            try GRDB.Row.fetchAll(database, sql: query).map { ($0[0] as String, $0["blobs"] as String) }
        }
        for (id, blobs) in owners {
            for digest in blobs.split(separator: " ").map(String.init) {
                guard let damage = try damage(to: digest) else { continue }
                tell("blob \(digest) of \(owner(id))", damage) { () throws(ImageError) in try mend(id) }
                // With their owner its other blobs are no concern any more.
                if findings.last?.isRepaired == true { break }
            }
        }
    }

    private func damage(to digest: String) throws(ImageError) -> String? {
        if let found = badBlobs[digest] { return found }
        return try isThere(digest) ? nil : "it is missing"
    }

    private func isThere(_ text: String) throws(ImageError) -> Bool {
        guard let digest = Digest(text) else { return false }
        return try kernel { () throws(SysError) in
            try layout.blobDirectory(digest.algorithm).fd.status(of: FileName(own: digest.hex))?.kind == .file
        }
    }

    private func checkSnapshots() throws(ImageError) {
        let rows = try store.records.read("list snapshots") { database in
            try GRDB.Row.fetchAll(database, sql: "SELECT chain, parent, link FROM snapshot ORDER BY rowid").map {
                (chain: $0["chain"] as String, parent: $0["parent"] as String?, link: $0["link"] as String)
            }
        }
        let known = Set(rows.map(\.chain))
        for chainID in try store.references().chains.sorted() where !known.contains(chainID) {
            tell("snapshot \(chainID)", "it has no record") { () throws(ImageError) in .kept("load the image again") }
        }
        for row in rows {
            if let parent = row.parent, !known.contains(parent) {
                tell("snapshot \(row.chain)", "the one below it, \(parent), has no record") { () throws(ImageError) in
                    .kept("load the image again")
                }
            }
            let subject = "snapshot \(row.chain)"
            var damage = badTrees[row.chain]
            if damage == nil { damage = try missing(row.chain) }
            if let damage {
                tell(subject, damage) { () throws(ImageError) in try mendTree(row, isGone: badTrees[row.chain] == nil) }
            }
            try checkNotes(subject, row)
        }
    }

    private func missing(_ chainID: String) throws(ImageError) -> String? {
        try kernel { () throws(SysError) in
            let name = FileName(own: Store.hex(chainID))
            guard try layout.layers.fd.status(of: name) != nil else { return "its directory is missing" }
            let directory = try layout.layers.fd.openDirectory(name)
            guard try directory.status(of: FileName(own: "diff"))?.kind == .directory else { return "its files (diff) are missing" }
            return try directory.status(of: FileName(own: "committed")) == nil ? "it was never completed" : nil
        }
    }

    /// Only what is whole replaces what is not; what a container may have mounted is left alone unless there is nothing left of it.
    private func mendTree(_ row: Row, isGone: Bool) throws(ImageError) -> Finding.Outcome {
        let chainID = row.chain
        if !isGone,
            let user = try store.records.read(
                "find containers",
                { database in
                    try String.fetchOne(
                        database, sql: "SELECT container FROM root WHERE instr(' ' || chain || ' ', ?) > 0 LIMIT 1",
                        arguments: [" \(chainID) "])
                })
        {
            return .kept("container \(user) uses it")
        }
        let name = FileName(own: "mended")
        guard try store.unpackAgain(chainID, in: scratch, name) != nil else { return .kept("no image says what belongs there") }
        let lower = row.parent == nil ? nil : try store.lowerNote(of: chainID)
        try kernel { () throws(SysError) in
            do {
                let directory = FDBox(try scratch.directory.fd.openDirectory(name))
                try directory.writeNote("link", row.link)
                try directory.writeNote("committed", "")
                if let lower {
                    try directory.writeNote("lower", lower)
                    _ = try directory.directory("work")
                }
            }
            try scratch.directory.fd.syncFileSystem()
            try layout.layers.fd.removeTree(FileName(own: Store.hex(chainID)))
            try scratch.directory.fd.rename(name, in: layout.layers.fd, to: FileName(own: Store.hex(chainID)), replacing: true)
        }
        return .repaired("unpacked again")
    }

    /// The short link and the notes beside `diff`: all of them follow from the records.
    private func checkNotes(_ subject: String, _ row: Row) throws(ImageError) {
        let hex = Store.hex(row.chain)
        let link = FileName(own: row.link)
        let wanted = Array("../layers/\(hex)/diff".utf8)
        let target = try? layout.links.fd.readSymlink(link)
        if target != wanted {
            tell(subject, "its short link l/\(row.link) is missing or leads elsewhere") { () throws(ImageError) in
                try kernel { () throws(SysError) in
                    try layout.links.fd.removeTree(link)
                    try layout.links.fd.makeSymlink(link, to: wanted)
                }
                return .repaired("linked again")
            }
        }
        guard let directory = try? FDBox(layout.layers.fd.openDirectory(FileName(own: hex))) else { return }
        var notes = [("link", row.link), ("committed", "")]
        if row.parent != nil, let below = try? store.lowerNote(of: row.chain) { notes.append(("lower", below)) }
        for (name, text) in notes {
            let found = try? directory.fd.openEntry(FileName(own: name), O_RDONLY | O_NONBLOCK).readAll(limit: 1 << 20)
            if found == Array(text.utf8) { continue }
            tell(subject, "its note `\(name)` is missing or wrong") { () throws(ImageError) in
                try kernel { () throws(SysError) in
                    try directory.fd.removeTree(FileName(own: name))
                    try directory.writeNote(name, text)
                }
                return .repaired("written again")
            }
        }
        if row.parent != nil, try kernel({ () throws(SysError) in try directory.fd.status(of: FileName(own: "work")) }) == nil {
            tell(subject, "its directory `work` is missing") { () throws(ImageError) in
                _ = try kernel { () throws(SysError) in try directory.directory("work") }
                return .repaired("made again")
            }
        }
    }

    private func checkContainers() throws(ImageError) {
        for id in try store.records.read("list roots", { try String.fetchAll($0, sql: "SELECT container FROM root ORDER BY container") }) {
            guard try kernel({ () throws(SysError) in try layout.containers.fd.status(of: FileName(own: id)) }) == nil else { continue }
            tell("container \(id)", "its directory is missing") { () throws(ImageError) in
                .kept("what it wrote is lost: remove the container")
            }
        }
    }

    private func checkIndex() throws(ImageError) {
        let wanted = try store.indexBytes()
        let found = try? layout.root.fd.openEntry(FileName(own: "index.json"), O_RDONLY | O_NONBLOCK).readAll(limit: wanted.count + 1)
        let isEmpty = try store.records.read("count images") { try Int.fetchOne($0, sql: "SELECT count(*) FROM image") ?? 0 } == 0
        if found == wanted || isEmpty && found == nil { return }
        tell("index.json", "it does not say what the records say") { () throws(ImageError) in
            try store.writeIndex()
            return .repaired("written again")
        }
    }
}

extension Store {
    /// Removes the record of an image; false when a container uses it. The store is locked.
    func forgetImage(_ id: String) throws(ImageError) -> Bool {
        try records.write("remove image \(id)") { database in
            let user = try String.fetchOne(
                database, sql: "SELECT container FROM root WHERE image = ? UNION SELECT id FROM container WHERE image = ?",
                arguments: [id, id])
            guard user == nil else { return false }
            try database.execute(sql: "DELETE FROM image WHERE id = ?", arguments: [id])
            return true
        }
    }

    /// What the note `lower` of a snapshot says: the short links below it, topmost first.
    func lowerNote(of chainID: String) throws(ImageError) -> String {
        try records.read("find snapshots") { database in
            var links: [String] = []
            var next = try String.fetchOne(database, sql: "SELECT parent FROM snapshot WHERE chain = ?", arguments: [chainID])
            while let parent = next {
                guard let row = try Row.fetchOne(database, sql: "SELECT link, parent FROM snapshot WHERE chain = ?", arguments: [parent])
                else {
                    throw ImageError.notFound(kind: .image, name: "layer \(parent)")
                }
                links.append("l/\(row["link"] as String)")
                next = row["parent"]
            }
            return links.joined(separator: ":")
        }
    }
}
