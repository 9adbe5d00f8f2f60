internal import FoundationEssentials
internal import GRDB
import Glibc
internal import LinuxSys
internal import OCI

extension Store {
    /// Moves what was loaded into its place and writes it down. Before the records say so everything is on disk.
    func commit(_ load: LoadPlan, _ plans: [ImagePlan], _ names: [[String]]) throws(ImageError) -> [String] {
        var manifests: [(bytes: [UInt8], digest: Digest)] = []
        for plan in plans { manifests.append(manifest(plan, load)) }
        try kernel { () throws(SysError) in try load.scratch.directory.fd.syncFileSystem() }
        return try layout.locked { () throws(ImageError) in
            for plan in plans { try requireStored(plan, load) }
            for beside in load.beside.blobs where beside.part == nil {
                guard try storedBlob(beside.descriptor) != nil else {
                    throw .notFound(kind: .image, name: "blob \(beside.descriptor.digest), removed meanwhile")
                }
            }
            for (number, plan) in plans.enumerated() {
                try kernel { () throws(SysError) in
                    try keepBlob(plan.configBytes, plan.configDigest, load.scratch)
                    try keepBlob(manifests[number].bytes, manifests[number].digest, load.scratch)
                    for document in plan.index?.documents ?? [] { try keepBlob(document.bytes, document.digest, load.scratch) }
                }
            }
            var links: [String: String] = [:]
            for (number, job) in load.jobs.enumerated() {
                try kernel { () throws(SysError) in
                    try keep("blob-\(number)", of: load.scratch, as: load.results[number].digest)
                }
                if let link = try keepSnapshot(number, job, load) { links[job.chainID.description] = link }
            }
            try kernel { () throws(SysError) in
                for directory in [layout.layers, layout.links, try layout.blobDirectory(.sha256)] { try directory.fd.sync() }
            }
            for beside in load.beside.blobs where beside.part != nil {
                try kernel { () throws(SysError) in try keep(beside.name.description, of: load.scratch, as: beside.descriptor.digest) }
            }
            let ids = try record(plans, manifests, names, load, links)
            _ = try collect()
            try writeIndex()
            return ids
        }
    }

    /// What the image has below its new layers may have been removed while those were made.
    private func requireStored(_ plan: ImagePlan, _ load: LoadPlan) throws(ImageError) {
        var chainID: Digest?
        for layer in plan.layers {
            let next = layer.chainID(over: chainID)
            chainID = next
            guard !load.jobs.contains(where: { $0.chainID == next }), let digest = layer.digest else { continue }
            let isThere = try kernel { () throws(SysError) in
                guard try layout.layers.fd.status(of: FileName(own: next.hex)) != nil else { return false }
                return try layout.blobDirectory(digest.algorithm).fd.status(of: FileName(own: digest.hex)) != nil
            }
            guard isThere else { throw .notFound(kind: .image, name: "layer \(next), removed meanwhile") }
        }
    }

    /// The archive's manifest, or one that describes what was found in a `docker save` archive.
    private func manifest(_ plan: ImagePlan, _ load: LoadPlan) -> (bytes: [UInt8], digest: Digest) {
        if let manifest = plan.manifest { return manifest }
        let layers = blobs(plan, load).map { layer in
            let suffix = layer.compression == .none ? "" : "+\(layer.compression.rawValue)"
            return Descriptor(mediaType: MediaType.layer + suffix, digest: layer.digest, size: layer.size)
        }
        let config = Descriptor(mediaType: MediaType.config, digest: plan.configDigest, size: UInt64(plan.configBytes.count))
        let bytes = Manifest(config: config, layers: layers).json.encoded()
        return (bytes, StreamHash.digest(.sha256, of: bytes))
    }

    private func blobs(_ plan: ImagePlan, _ load: LoadPlan) -> [(digest: Digest, size: UInt64, compression: Compression)] {
        plan.layers.map { layer in
            // Equal layers are read once.
            let number = load.jobs.firstIndex { $0.layer.diffID == layer.diffID && $0.layer.digest == layer.digest }
            // A layer without a job was in the store before.
            if number == nil, let digest = layer.digest { return (digest, layer.part.size, layer.compression) }
            let result = load.results[number ?? 0]
            return (result.digest, result.size, layer.compression)
        }
    }

    private func keepBlob(_ bytes: [UInt8], _ digest: Digest, _ scratch: Scratch) throws(SysError) {
        let name = FileName(own: "small-\(digest.hex.prefix(64))")
        try scratch.directory.fd.removeEntry(name, isDirectory: false)
        let file = try scratch.directory.fd.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try file.writeAll(bytes)
        try file.sync()
        try keep(name.description, of: scratch, as: digest)
    }

    private func keep(_ name: String, of scratch: Scratch, as digest: Digest) throws(SysError) {
        let directory = try layout.blobDirectory(digest.algorithm)
        try scratch.directory.fd.rename(FileName(own: name), in: directory.fd, to: FileName(own: digest.hex), replacing: true)
    }

    /// The short link's name; nil when the store has that snapshot.
    private func keepSnapshot(_ number: Int, _ job: LayerJob, _ load: LoadPlan) throws(ImageError) -> String? {
        let chainID = job.chainID.description
        // Another process may have loaded it meanwhile.
        let there = try records.read("find snapshot") {
            try String.fetchOne($0, sql: "SELECT link FROM snapshot WHERE chain = ?", arguments: [chainID])
        }
        if there != nil { return nil }
        guard job.diff != nil else { throw .notFound(kind: .image, name: "layer \(chainID), removed while it was loaded again") }
        return try kernel { () throws(SysError) in
            try layout.layers.fd.removeTree(FileName(own: job.chainID.hex))
            let link = try makeLink(to: job.chainID.hex)
            let name = FileName(own: "layer-\(number)")
            do {
                let directory = FDBox(try load.scratch.directory.fd.openDirectory(name))
                if let lower = try lowerLinks(over: job.parent) {
                    try directory.writeNote("lower", lower)
                    _ = try directory.directory("work")
                }
                try directory.writeNote("link", link)
                try directory.writeNote("committed", "")
            }
            try load.scratch.directory.fd.rename(name, in: layout.layers.fd, to: FileName(own: job.chainID.hex), replacing: true)
            return link
        }
    }

    private func makeLink(to hex: String) throws(SysError) -> String {
        while true {
            let link = randomName(6)
            do {
                try layout.links.fd.makeSymlink(FileName(own: link), to: Array("../layers/\(hex)/diff".utf8))
                return link
            } catch  where error.errno == EEXIST {
                continue
            }
        }
    }

    /// `l/A:l/B`, topmost first, as overlay2 writes it; for people and other tools: the records are what counts. Nil for the lowest.
    private func lowerLinks(over parent: Digest?) throws(SysError) -> String? {
        guard let parent else { return nil }
        let directory = try layout.layers.fd.openDirectory(FileName(own: parent.hex))
        let link = try directory.openEntry(FileName(own: "link"), O_RDONLY).readAll(limit: 4096)
        var lower: [UInt8] = []
        if try directory.status(of: FileName(own: "lower")) != nil {
            lower = try directory.openEntry(FileName(own: "lower"), O_RDONLY).readAll(limit: 1 << 20)
        }
        return "l/\(String(decoding: link, as: UTF8.self))" + (lower.isEmpty ? "" : ":\(String(decoding: lower, as: UTF8.self))")
    }

    private func record(
        _ plans: [ImagePlan], _ manifests: [(bytes: [UInt8], digest: Digest)], _ names: [[String]], _ load: LoadPlan,
        _ links: [String: String]
    ) throws(ImageError) -> [String] {
        try records.write("record images") { database in
            for job in load.jobs {
                guard let link = links[job.chainID.description] else { continue }
                try database.execute(
                    sql: "INSERT INTO snapshot (chain, parent, link) VALUES (?, ?, ?)",
                    arguments: [job.chainID.description, job.parent?.description, link])
            }
            var ids: [String] = []
            for (number, plan) in plans.enumerated() {
                let id = plan.configDigest.description
                try Self.insert(plan, manifests[number], blobs(plan, load), database)
                for name in names[number] {
                    try Self.give(name, to: id, plan.index, database)
                }
                if !ids.contains(id) { ids.append(id) }
            }
            return ids
        }
    }

    private static func insert(
        _ plan: ImagePlan, _ manifest: (bytes: [UInt8], digest: Digest),
        _ layers: [(digest: Digest, size: UInt64, compression: Compression)],
        _ database: Database
    ) throws {
        var chain: [Digest] = []
        for layer in plan.layers {
            chain.append(layer.chainID(over: chain.last))
        }
        let blobs = [plan.configDigest, manifest.digest] + layers.map(\.digest)
        let size = UInt64(plan.configBytes.count) + layers.reduce(0) { $0 + $1.size }
        try database.execute(
            sql: """
                INSERT INTO image (id, manifest, manifest_size, chain, blobs, size, loaded, config) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest, manifest_size = excluded.manifest_size, blobs = excluded.blobs,
                    size = excluded.size, loaded = excluded.loaded
                """,
            arguments: [
                plan.configDigest.description, manifest.digest.description, manifest.bytes.count,
                chain.map(\.description).joined(separator: " "),
                blobs.map(\.description).joined(separator: " "), Int64(bitPattern: size), Int64(bitPattern: realtimeNanoseconds()),
                Data(plan.configBytes),
            ])
    }
}

extension FDBox {
    func writeNote(_ name: String, _ text: String) throws(SysError) {
        try fd.openEntry(FileName(own: name), O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).writeAll(Array(text.utf8))
    }
}
