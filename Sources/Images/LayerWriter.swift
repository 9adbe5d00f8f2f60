import Glibc
internal import LinuxSys

/// Writes changes of a tree as a layer (image-spec, layer.md), or a whole tree as a plain archive.
///
/// The same content makes the same bytes: the comparison brings entries in the order of their names, and of times only the one of
/// the last change goes in. Descriptors lead to every entry: what a container swaps meanwhile is an error, never another file.
final class LayerWriter {
    enum Form {
        /// `.wh.` names mean deletions: a file may not be called so.
        case layer
        case archive
    }
    /// What could not go in: a tar archive has no entry for a socket.
    private(set) var sockets: [String] = []
    private(set) var entryCount = 0
    private let output: TarOutput
    private let form: Form
    private let limits: UnpackLimits
    /// The first name of every file that has several, by device and inode.
    private var names: [FileKey: [UInt8]] = [:]

    struct FileKey: Hashable {
        let device: UInt64, inode: UInt64
    }

    init(_ sink: any ByteSink, _ form: Form, limits: UnpackLimits) {
        output = TarOutput(sink)
        self.form = form
        self.limits = limits
    }

    func write(_ comparison: TreeComparison) throws(ImageError) {
        try comparison.run { (path, change) throws(ImageError) in
            switch change {
            case .added(let found), .modified(let found): try self.add(path, found)
            case .deleted: try self.addWhiteout(path)
            }
        }
        try output.finish()
    }

    private func addWhiteout(_ path: TreePath) throws(ImageError) {
        guard form == .layer, let name = path.last else { return }
        let mark = Self.bytes(Array(path.dropLast())) + whiteoutPrefix + name.bytes
        guard whiteoutPrefix.count + name.bytes.count <= 255 else {
            throw .unsupported(subject: shown(path), what: "deleting a name of more than 251 bytes in a layer")
        }
        try begin(TarEntry(kind: .file, path: mark, mode: 0, uid: 0, gid: 0, modify: FileTime(seconds: 0, nanoseconds: 0)))
    }

    private func add(_ path: TreePath, _ found: MergedTree.Found) throws(ImageError) {
        if form == .layer, path.last?.bytes.starts(with: whiteoutPrefix) == true {
            throw .unsupported(subject: shown(path), what: "a file whose name says that another is deleted (`.wh.`) in a layer")
        }
        do {
            try addEntry(path, found)
        } catch .kernel(let error) {
            if error.errno == ENOENT || error.errno == ESTALE {
                throw .kernel(SysError(ESTALE, "read changed", on: shown(path)))
            }
            throw .kernel(SysError(error.errno, error.operation, on: shown(path)))
        }
    }

    private func addEntry(_ path: TreePath, _ found: MergedTree.Found) throws(ImageError) {
        let status = found.status
        guard let kind = Self.kind(status.kind) else {
            sockets.append(shown(path))
            return
        }
        let directory = Self.bytes(Array(path.dropLast()))
        let name = path.last.map { directory + $0.bytes } ?? [0x2e]
        var entry = TarEntry(
            kind: kind, path: kind == .directory ? name + [0x2f] : name, mode: status.mode, uid: status.uid, gid: status.gid,
            modify: status.modify)
        guard entry.path.count <= limits.pathLength else {
            throw .limit(subject: shown(path), what: "a path of more than \(limits.pathLength) bytes")
        }
        if status.links > 1, kind != .directory {
            let key = FileKey(device: status.device, inode: status.inode)
            if let first = names[key] { return try addLink(entry, to: first) }
            names[key] = name
        }
        entry.attributes = try kernel { () throws(SysError) in try found.layerAttributes() }
        try refuseNotes(path, found)
        switch kind {
        case .file: try addFile(&entry, found)
        case .symlink:
            entry.linkTarget = try kernel { () throws(SysError) in try found.linkText() }
            try begin(entry)
        case .characterDevice, .blockDevice:
            (entry.major, entry.minor) = (status.major, status.minor)
            try begin(entry)
        case .directory, .fifo, .hardLink: try begin(entry)
        }
    }

    private func begin(_ entry: TarEntry) throws(ImageError) {
        entryCount += 1
        try output.begin(entry)
    }

    private func addLink(_ entry: TarEntry, to first: [UInt8]) throws(ImageError) {
        var entry = entry
        entry.kind = .hardLink
        entry.linkTarget = first
        try begin(entry)
    }

    private func addFile(_ entry: inout TarEntry, _ found: MergedTree.Found) throws(ImageError) {
        let file = FDBox(try kernel { () throws(SysError) in try found.openFile() })
        entry.size = found.status.size
        try begin(entry)
        var offset: UInt64 = 0
        while offset < entry.size {
            let count = Int(min(entry.size - offset, UInt64(pieceSize)))
            let bytes = try kernel { () throws(SysError) in try file.fd.read(at: Int64(offset), count: count) }
            guard !bytes.isEmpty else { throw .kernel(SysError(ESTALE, "read")) }
            try output.content(bytes[...])
            offset += UInt64(bytes.count)
        }
    }

    /// A directory that was moved, or a file whose content stayed below: with these features overlayfs tells only half in the layer.
    private func refuseNotes(_ path: TreePath, _ found: MergedTree.Found) throws(ImageError) {
        for note in ["redirect", "metacopy", "whiteout"] {
            for prefix in ["trusted.overlay.", "user.overlay."] {
                let isThere = try kernel { () throws(SysError) in try found.holder.fd.attribute(of: found.name, named: prefix + note) != nil
                }
                if isThere { throw .unsupported(subject: shown(path), what: "overlayfs' feature `\(note)`") }
            }
        }
    }

    private static func kind(_ kind: FileStatus.Kind) -> TarEntry.Kind? {
        switch kind {
        case .file: .file
        case .directory: .directory
        case .symlink: .symlink
        case .characterDevice: .characterDevice
        case .blockDevice: .blockDevice
        case .fifo: .fifo
        case .socket: nil
        }
    }

    /// `a/b/`, empty for the root.
    private static func bytes(_ directory: TreePath) -> [UInt8] { directory.flatMap { $0.bytes + [0x2f] } }
}
