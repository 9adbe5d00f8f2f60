internal import GRDB
import Glibc
internal import LinuxSys
internal import OCI

/// How closely a store is looked at.
package enum CheckDepth: Int, Comparable, Sendable {
    /// Records, names and sizes.
    case structure
    /// Every blob is read and its digest computed.
    case blobs
    /// Every layer is unpacked once more and compared with its snapshot.
    case trees

    package static func < (one: CheckDepth, other: CheckDepth) -> Bool { one.rawValue < other.rawValue }
}

/// Something in the store that is not as the records say.
package struct Finding: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        case found
        case repaired(String)
        /// Why not.
        case kept(String)
    }
    package let subject: String
    package let what: String
    package var outcome: Outcome = .found
    package var isRepaired: Bool { if case .repaired = outcome { true } else { false } }
}

extension Store {
    /// Looks for damage, and mends what can be mended from what is still whole. Layers are read without the lock, since they never
    /// change; everything else is looked at while nothing moves.
    package func check(_ depth: CheckDepth, repair: Bool, progress: (String) -> Void = { _ in }) throws(ImageError) -> [Finding] {
        var badBlobs: [String: String] = [:]
        if depth >= .blobs {
            for digest in try recordedBlobs() {
                progress(digest)
                badBlobs[digest] = try blobDamage(digest)
            }
        }
        let scratch = try Scratch(layout)
        var badTrees: [String: String] = [:]
        if depth >= .trees {
            for chainID in try records.read("list snapshots", { try String.fetchAll($0, sql: "SELECT chain FROM snapshot ORDER BY rowid") })
            {
                progress(chainID)
                badTrees[chainID] = try treeDamage(chainID, scratch)
            }
        }
        return try layout.locked { () throws(ImageError) in
            let check = StoreCheck(store: self, scratch: scratch, repair: repair, badBlobs: badBlobs, badTrees: badTrees)
            try check.run()
            return check.findings
        }
    }

    private func recordedBlobs() throws(ImageError) -> [String] {
        try records.read("list blobs") { database in
            Set(
                try String.fetchAll(database, sql: "SELECT blobs FROM image UNION SELECT blobs FROM name_index").flatMap {
                    $0.split(separator: " ").map(String.init)
                }
            )
            .sorted()
        }
    }

    /// What is wrong with a blob; nil when nothing is.
    func blobDamage(_ text: String) throws(ImageError) -> String? {
        guard let digest = Digest(text) else { return "it is no digest" }
        let file: FDBox
        do {
            file = FDBox(try layout.blobDirectory(digest.algorithm).fd.openEntry(FileName(own: digest.hex), O_RDONLY | O_NONBLOCK))
        } catch {
            if error.errno == ENOENT { return "it is missing" }
            return error.description
        }
        var hash = StreamHash(digest.algorithm)
        var offset: Int64 = 0
        while true {
            let bytes: [UInt8]
            do { bytes = try file.fd.read(at: offset, count: pieceSize) } catch { return error.description }
            if bytes.isEmpty { break }
            hash.update(bytes)
            offset += Int64(bytes.count)
        }
        return hash.digest == digest ? nil : "its content is that of \(hash.digest)"
    }

    /// What differs between a snapshot and its layer; nil when nothing does, or when there is no telling (the layer is damaged).
    private func treeDamage(_ chainID: String, _ scratch: Scratch) throws(ImageError) -> String? {
        let name = FileName(own: "again")
        defer { try? scratch.directory.fd.removeTree(name) }
        let again: UnpackedAgain
        do {
            guard let found = try unpackAgain(chainID, in: scratch, name) else { return nil }
            again = found
        } catch {
            return nil
        }
        guard let stored = try? snapshot(chainID) else { return "its directory is missing" }
        let (fresh, below) = (again.diff, again.below)
        // Of directories that no entry describes the layer does not say when they were made.
        for path in again.trace.undated.union([[]]) where again.trace.times[path] == nil {
            guard let status = try? stored.fd.openPathIfThere(path)?.status() else { continue }
            try? fresh.fd.openPathIfThere(path)?.setTimes(access: status.access, modify: status.modify)
        }
        var first: String?
        var directory: String?
        var count = 0
        let comparison = TreeComparison(old: MergedTree(layers: [fresh] + below), new: MergedTree(layers: [stored] + below), limits: limits)
        try comparison.run { (path, change) throws(ImageError) in
            // Directories above a difference are told with it; the last of them may be all that is different.
            if case .modified(let found) = change, found.status.kind == .directory {
                directory = shown(path)
                return
            }
            count += 1
            if first == nil { first = shown(path) }
        }
        return (first ?? directory).map { "\($0) is not as the layer says" + (count > 1 ? ", nor are \(count - 1) others" : "") }
    }

    struct UnpackedAgain {
        let diff: FDBox
        let below: [FDBox]
        let trace: LayerTrace
    }

    /// Unpacks the layer of a snapshot from its blob. Nil when no image tells which blob it is.
    func unpackAgain(_ chainID: String, in scratch: Scratch, _ name: FileName) throws(ImageError) -> UnpackedAgain? {
        let row = try records.read("find layer") { database in
            try Row.fetchOne(
                database, sql: "SELECT manifest, config, chain FROM image WHERE instr(' ' || chain || ' ', ?) > 0 LIMIT 1",
                arguments: [" \(chainID) "]
            ).map {
                (
                    manifest: $0["manifest"] as String, config: $0.config,
                    chain: ($0["chain"] as String).split(separator: " ").map(String.init)
                )
            }
        }
        guard let row, let place = row.chain.firstIndex(of: chainID) else { return nil }
        let layers = try layers(manifest: row.manifest, config: row.config)
        guard place < layers.count, let digest = layers[place].digest, let id = Digest(chainID) else { return nil }
        let blob = FDBox(
            try kernel { () throws(SysError) in
                try layout.blobDirectory(digest.algorithm).fd.openEntry(FileName(own: digest.hex), O_RDONLY)
            })
        let layer = ImagePlan.Layer(
            part: .init(file: blob, offset: 0, size: layers[place].part.size), digest: digest, compression: layers[place].compression,
            diffID: layers[place].diffID)
        let (directory, below) = try kernel { () throws(SysError) in
            try scratch.directory.fd.removeTree(name)
            let directory = try scratch.directory.directory(name.description).directory("diff")
            try directory.fd.setMode(0o755)
            return (directory, try tree(Array(row.chain[..<place])).layers)
        }
        let job = LayerJob(
            chainID: id, parent: place == 0 ? nil : Digest(row.chain[place - 1]), layer: layer, blob: nil, diff: directory, limits: limits)
        let lower = MergedTree(layers: below)
        guard case .complete(let trace) = try job.run(lower: lower, progress: nil).outcome,
            try kernel({ () throws(SysError) in try trace.finish(directory.fd, lower: lower) })
        else { throw .archive(subject: "layer \(layer.diffID)", reason: "it does not fit the layers below it") }
        return UnpackedAgain(diff: directory, below: below, trace: trace)
    }
}
