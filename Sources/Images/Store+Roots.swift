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
        let scratch = try Scratch(layout)
        try layout.locked { () throws(ImageError) in
            let known = try records.read("find root \(id)") { database in
                (
                    root: try Bool.fetchOne(database, sql: "SELECT 1 FROM root WHERE container = ?", arguments: [id]) ?? false,
                    image: try String.fetchOne(database, sql: "SELECT chain FROM image WHERE id = ?", arguments: [image.id])
                )
            }
            if known.root { throw .exists(kind: .container, name: id) }
            guard known.image == image.chain.joined(separator: " ") else { throw .notFound(kind: .image, name: image.displayName) }
            let lower = try kernel { () throws(SysError) in try tree(image.chain) }
            let home = try kernel { () throws(SysError) in try scratch.directory.directory("home") }
            let initLayer = try InitLayer(id: id, identity: identity).make(in: home, over: lower)
            try snapshotter.driver.prepare(home, over: MergedTree(layers: [initLayer] + lower.layers), limits: limits)
            try kernel { () throws(SysError) in
                try layout.containers.fd.removeTree(FileName(own: id))
                try scratch.directory.fd.rename(FileName(own: "home"), in: layout.containers.fd, to: FileName(own: id), replacing: false)
            }
            try records.write("record root \(id)") {
                try $0.execute(
                    sql: "INSERT INTO root (container, image, chain, snapshotter) VALUES (?, ?, ?, ?)",
                    arguments: [id, image.id, image.chain.joined(separator: " "), snapshotter.rawValue])
            }
        }
        return try containerRoot(id)
    }

    /// The root that `prepare` made.
    package func containerRoot(_ id: String) throws(ImageError) -> ContainerRoot {
        let found = try records.read("find root \(id)") { database -> (kind: String, links: [String])? in
            guard let row = try Row.fetchOne(database, sql: "SELECT chain, snapshotter FROM root WHERE container = ?", arguments: [id])
            else { return nil }
            let links = try (row["chain"] as String).split(separator: " ").reversed().map { chainID in
                guard
                    let link = try String.fetchOne(database, sql: "SELECT link FROM snapshot WHERE chain = ?", arguments: [String(chainID)])
                else {
                    throw ImageError.notFound(kind: .image, name: "layer \(chainID)")
                }
                return link
            }
            return (row["snapshotter"], links)
        }
        guard let found else { throw .notFound(kind: .container, name: id) }
        guard let kind = SnapshotterKind(rawValue: found.kind) else {
            throw .unsupported(subject: "container \(id)", what: "snapshotter `\(found.kind)`")
        }
        return kind.driver.root(home: "\(root)/overlay/containers/\(id)", lower: found.links.map { "\(root)/overlay/l/\($0)" })
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
        try layout.locked { () throws(ImageError) in
            let name = FileName(own: id)
            try kernel { () throws(SysError) in
                guard try layout.containers.fd.status(of: name) != nil else { return }
                try layout.containers.fd.rename(name, in: scratch.directory.fd, to: name, replacing: false)
            }
            try records.write("remove root \(id)") { try $0.execute(sql: "DELETE FROM root WHERE container = ?", arguments: [id]) }
            try collect()
        }
        try kernel { () throws(SysError) in try scratch.directory.fd.removeTree(FileName(own: id)) }
    }
}

/// What lies between the image and the container's own changes: files that every container gets, and what is mounted over.
struct InitLayer {
    let id: String
    let identity: ContainerIdentity

    /// Makes `init` in `home`.
    func make(in home: FDBox, over lower: MergedTree) throws(ImageError) -> FDBox {
        let layer = try kernel { () throws(SysError) in try home.layer("init", over: lower) }
        var unpacker = LayerUnpacker(into: layer, lower: lower, subject: "init layer of \(id)", limits: UnpackLimits())
        for path in ["dev/pts", "dev/shm", "dev/mqueue", "proc", "sys"] { try unpacker.place(directory: path) }
        let hostname = identity.hostname ?? String(id.prefix(12))
        try unpacker.place(file: "etc/hostname", hostname + "\n")
        try unpacker.place(file: "etc/hosts", hosts(hostname))
        try unpacker.place(file: "etc/resolv.conf", identity.resolvConf ?? "")
        let trace = unpacker.trace
        _ = try kernel { () throws(SysError) in try trace.finish(layer.fd, lower: lower) }
        return layer
    }

    private func hosts(_ hostname: String) -> String {
        var lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "127.0.1.1\t\(hostname)"]
        lines += identity.hosts
        return lines.joined(separator: "\n") + "\n"
    }
}

extension FDBox {
    /// A new directory for a layer over `lower`. It looks like the root below: the root of the topmost layer is that of the container.
    func layer(_ name: String, over lower: MergedTree) throws(SysError) -> FDBox {
        let directory = try directory(name)
        if let found = try lower.lookup([]) {
            try directory.fd.copyAttributes(found)
            try directory.fd.setTimes(access: found.status.access, modify: found.status.modify)
        }
        return directory
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
