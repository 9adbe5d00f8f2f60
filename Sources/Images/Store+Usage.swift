internal import GRDB
internal import LinuxSys
internal import OCI

/// What the store takes of the disk: bytes of files as they are read, a file with several names counted once.
package struct DiskUsage: Sendable {
    package struct Part: Equatable, Sendable {
        package var total = 0
        package var active = 0
        package var bytes: UInt64 = 0
        /// Bytes of what nothing uses that has to stay.
        package var reclaimable: UInt64 = 0

        mutating func add(_ size: UInt64, isActive: Bool) {
            total += 1
            bytes += size
            if isActive { active += 1 } else { reclaimable += size }
        }
    }
    package struct Layer: Sendable {
        /// The chain ID.
        package let id: String
        package let bytes: UInt64
        /// How many images and containers have it, and whether a lease keeps it.
        package let images: Int, containers: Int
        package let isLeased: Bool
    }
    /// Packed layers, configurations, manifests; active: of images that a container uses.
    package var blobs = Part()
    /// Unpacked layers; active: below a container.
    package var layers = Part()
    /// What containers wrote.
    package var containers = Part()
    /// Work in progress, and what is left of work that was cut short.
    package var work = Part()
    package var images = (total: 0, active: 0)
    package var leases: [Lease] = []
    package var details: [Layer] = []
    package var usedPercent = 0
}

extension Store {
    /// `isActive` says whether a container (by id) runs.
    package func usage(isActive: (String) -> Bool) throws(ImageError) -> DiskUsage {
        var usage = DiskUsage()
        let found = try records.read("list references") { database in
            let images = try Row.fetchAll(database, sql: "SELECT id, chain, blobs FROM image").map {
                (id: $0["id"] as String, chain: Self.words($0["chain"]), blobs: Self.words($0["blobs"]))
            }
            let roots = try Row.fetchAll(database, sql: "SELECT container, image, chain FROM root").map {
                (container: $0["container"] as String, image: $0["image"] as String, chain: Self.words($0["chain"]))
            }
            let snapshots = try Row.fetchAll(database, sql: "SELECT chain, size FROM snapshot ORDER BY rowid").map {
                (chain: $0["chain"] as String, size: $0["size"] as Int64?)
            }
            return (images: images, roots: roots, snapshots: snapshots)
        }
        usage.leases = try leases()
        let used = Set(found.roots.map(\.image))
        usage.images = (found.images.count, found.images.count { used.contains($0.id) })
        let activeBlobs = Set(found.images.filter { used.contains($0.id) }.flatMap(\.blobs))
        try addBlobs(&usage, active: activeBlobs)
        let kept = try references().chains
        for snapshot in found.snapshots {
            let size: UInt64
            if let known = snapshot.size { size = UInt64(clamping: known) } else { size = try measure(snapshot.chain) }
            let containers = found.roots.count { $0.chain.contains(snapshot.chain) }
            usage.layers.add(size, isActive: containers > 0)
            usage.details.append(
                .init(
                    id: snapshot.chain, bytes: size, images: found.images.count { $0.chain.contains(snapshot.chain) },
                    containers: containers,
                    isLeased: kept.contains(snapshot.chain)
                        && !found.images.contains { $0.chain.contains(snapshot.chain) } && containers == 0))
        }
        for root in found.roots {
            usage.containers.add(
                try TreeSize.bytes(of: FileName(own: root.container), in: layout.containers), isActive: isActive(root.container))
        }
        // Under the lock: whoever is just making such a directory must get at its lock first.
        let work = try layout.locked { () throws(ImageError) in
            var work: [(FileName, Bool)] = []
            for name in try kernel({ () throws(SysError) in try layout.temporary.fd.entries() }) {
                work.append((name, try Scratch.isAlive(name, layout)))
            }
            return work
        }
        for (name, isAlive) in work { usage.work.add(try TreeSize.bytes(of: name, in: layout.temporary), isActive: isAlive) }
        usage.usedPercent = try DiskSpace(of: layout.root).usedPercent
        return usage
    }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    private func addBlobs(_ usage: inout DiskUsage, active: Set<String>) throws(ImageError) {
        for algorithm in [Digest.Algorithm.sha256, .sha512] {
            let directory = try kernel { () throws(SysError) in try layout.blobDirectory(algorithm) }
            for name in try kernel({ () throws(SysError) in try directory.fd.entries() }) {
                let status = try kernel { () throws(SysError) in try directory.fd.status(of: name) }
                usage.blobs.add(status?.size ?? 0, isActive: active.contains("\(algorithm.rawValue):\(name)"))
            }
        }
    }

    /// Layers never change: what one takes is found out once.
    private func measure(_ chainID: String) throws(ImageError) -> UInt64 {
        let size = try TreeSize.bytes(of: FileName(own: Self.hex(chainID)), in: layout.layers)
        try records.write("record size", surviving: .processDeath) {
            try $0.execute(sql: "UPDATE snapshot SET size = ? WHERE chain = ?", arguments: [Int64(clamping: size), chainID])
        }
        return size
    }
}
