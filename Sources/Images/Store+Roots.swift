internal import GRDB
import Glibc
internal import LinuxSys
internal import OCI

/// The root file systems of containers: image layers, an init layer, a writable layer.
extension Store {
    /// Makes the init layer of a container and what it writes to.
    package func prepare(
        container id: String, image: ImageRecord, identity: ContainerIdentity = ContainerIdentity(), snapshotter: SnapshotterKind = .overlay
    ) throws(ImageError) -> ContainerRoot {
        try Self.checkID(id, "container id")
        return try layout.locked { () throws(ImageError) in
            let scratch = try Scratch(held: layout)
            let known = try records.read("find root \(id)") { database in
                (
                    root: try Bool.fetchOne(database, sql: "SELECT 1 FROM root WHERE container = ?", arguments: [id]) ?? false,
                    chain: try String.fetchOne(database, sql: "SELECT chain FROM image WHERE id = ?", arguments: [image.id]),
                    prototype: try Self.prototype(of: image.chain.last ?? "", database)
                )
            }
            if known.root { throw .exists(kind: .container, name: id) }
            // The topmost chain ID stands for all below it.
            guard let chain = known.chain, chain.hasSuffix(image.chain.last ?? "") else {
                throw .notFound(kind: .image, name: image.displayName)
            }
            let isNew = known.prototype == nil
            let prototype: SnapshotPrototype
            if let kept = known.prototype { prototype = kept } else { prototype = try self.prototype(of: image.chain, scratch) }
            let home = try kernel { () throws(SysError) in try scratch.directory.directory("home") }
            let plan = try InitPlan(stored: prototype.plan)
            let initLayer = try kernel { () throws(SysError) in
                try plan.make(in: home) { identity.content(of: $0, hostname: identity.hostname ?? String(id.prefix(12))) }
            }
            let base = SnapshotBase(plan: plan, initLayer: initLayer, depth: image.chain.count) { () throws(SysError) in
                try self.tree(image.chain)
            }
            try snapshotter.driver.prepare(home, over: base, limits: limits)
            try kernel { () throws(SysError) in
                try layout.containers.fd.removeTree(FileName(own: id))
                try scratch.directory.fd.rename(FileName(own: "home"), in: layout.containers.fd, to: FileName(own: id), replacing: false)
            }
            try records.write("record root \(id)", surviving: .processDeath) { database in
                if isNew { try Self.insert(prototype, of: image.chain.last ?? "", database) }
                try database.execute(
                    sql: "INSERT INTO root (container, image, chain, snapshotter) VALUES (?, ?, ?, ?)",
                    arguments: [id, image.id, chain, snapshotter.rawValue])
            }
            return root(of: id, snapshotter, prototype.links)
        }
    }

    private func root(of id: String, _ kind: SnapshotterKind, _ links: String) -> ContainerRoot {
        let directory = "\(root)/overlay/l/"
        // By bytes, not by characters: there may be hundreds.
        let lower = links.utf8.split(separator: UInt8(ascii: " ")).map { directory + Substring($0) }
        return kind.driver.root(home: "\(root)/overlay/containers/\(id)", lower: lower)
    }

    /// The root that `prepare` made.
    package func containerRoot(_ id: String) throws(ImageError) -> ContainerRoot {
        let found = try records.read("find root \(id)") { database -> (kind: String, links: String)? in
            guard let row = try Row.fetchOne(database, sql: "SELECT chain, snapshotter FROM root WHERE container = ?", arguments: [id])
            else { return nil }
            let chain = (row["chain"] as String).split(separator: " ").map(String.init)
            let links = try Self.prototype(of: chain.last ?? "", database)?.links ?? Self.links(of: chain, database)
            return (row["snapshotter"], links)
        }
        guard let found else { throw .notFound(kind: .container, name: id) }
        guard let kind = SnapshotterKind(rawValue: found.kind) else {
            throw .unsupported(subject: "container \(id)", what: "snapshotter `\(found.kind)`")
        }
        return root(of: id, kind, found.links)
    }

    /// What a root needs beside its mounts, before they are made: the server of a file system in user space. Fine when it is there.
    package func activate(container id: String) throws(ImageError) {
        let root = try containerRoot(id)
        try root.snapshotter.driver.activate(root)
    }

    /// The opposite, once nothing uses the root. Fine when there is none.
    package func deactivate(container id: String) throws(ImageError) {
        do {
            let root = try containerRoot(id)
            try root.snapshotter.driver.deactivate(root)
        } catch {
            guard case .notFound = error else { throw error }
        }
    }

    /// Removes all of the root; nothing to remove is fine. It must not be mounted by a container.
    package func discard(container id: String) throws(ImageError) {
        try Self.checkID(id, "container id")
        try deactivate(container: id)
        let scratch = try Scratch(layout)
        let trash = try layout.locked { () throws(ImageError) in
            let name = FileName(own: id)
            try kernel { () throws(SysError) in
                guard try layout.containers.fd.status(of: name) != nil else { return }
                try layout.containers.fd.rename(name, in: scratch.directory.fd, to: name, replacing: false)
            }
            try records.write("remove root \(id)", surviving: .processDeath) {
                try $0.execute(sql: "DELETE FROM root WHERE container = ?", arguments: [id])
            }
            return try collect().trash
        }
        withExtendedLifetime(trash) {}
        try kernel { () throws(SysError) in try scratch.directory.fd.removeTree(FileName(own: id)) }
    }
}

extension FDBox {
    /// A new directory for a layer over `lower`. It looks like the root below: the root of the topmost layer is that of the container.
    func layer(_ name: String, over lower: MergedTree) throws(SysError) -> FDBox {
        let directory = try directory(name)
        if let found = try lower.lookup([]) {
            try directory.fd.copyAllAttributes(found)
            try directory.fd.setTimes(access: found.status.access, modify: found.status.modify)
        }
        return directory
    }
}

extension ContainerIdentity {
    func content(of slot: InitPlan.Slot, hostname: String) -> String {
        switch slot {
        case .hostname: hostname + "\n"
        case .hosts:
            (["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "127.0.1.1\t\(hostname)"] + hosts)
                .joined(separator: "\n") + "\n"
        case .resolver: resolvConf ?? ""
        }
    }
}

extension LayerUnpacker {
    /// A directory that is there, or is made with everything above it.
    mutating func place(directory path: String) throws(ImageError) {
        let entry = own(path, .directory)
        _ = try directory(try self.path(entry.path, of: entry), entry)
    }

    /// A file that hides whatever the image has at that place.
    mutating func place(file path: String, _ text: String) throws(ImageError) {
        let entry = own(path, .file)
        let place = try self.path(entry.path, of: entry)
        guard let name = place.last else { return }
        let parent = try directory(Array(place.dropLast()), entry)
        try kernel { () throws(SysError) in
            let file = try parent.fd.fd.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.writeAll(Array(text.utf8))
            try file.setMode(0o644)
        }
    }

    private func own(_ path: String, _ kind: TarEntry.Kind) -> TarEntry {
        TarEntry(kind: kind, path: Array(path.utf8), mode: 0o755, uid: 0, gid: 0, modify: FileTime(seconds: 0, nanoseconds: 0))
    }
}
