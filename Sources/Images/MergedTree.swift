import Glibc
internal import LinuxSys

/// Several layers' directories as overlayfs would show them, without mounting anything. Nothing in them is followed by the kernel:
/// links are read and resolved here, inside the root.
struct MergedTree: Sendable {
    /// Topmost first.
    let layers: [FDBox]
    var notes = LayerNotes.overlay

    struct Found {
        let status: FileStatus
        /// The directory that holds the entry in the topmost layer that has it; for the root itself that directory.
        let holder: FDBox
        /// Nil for the root.
        let name: FileName?

        /// Extended attributes that belong to the file, not to overlayfs.
        func attributes() throws(SysError) -> [ExtendedAttribute] {
            try holder.fd.attributes(of: name).filter { !$0.isNote }
        }
    }

    /// What stands at exactly this path; no component is followed. Nil when nothing does, or it was deleted.
    func lookup(_ path: TreePath) throws(SysError) -> Found? {
        guard let top = layers.first, let status = try top.fd.status() else { return nil }
        var found = Found(status: status, holder: top, name: nil)
        var candidates = layers
        for (depth, name) in path.enumerated() {
            let isLast = depth == path.count - 1
            guard let next = try Self.step(name, candidates, descend: !isLast) else { return nil }
            found = next.found
            guard isLast || found.status.kind == .directory else { return nil }
            candidates = next.directories
        }
        return found
    }

    /// One component down. `directories`: of all layers that show there, when it is one to go into.
    static func step(
        _ name: FileName, _ candidates: [FDBox], descend: Bool
    ) throws(SysError) -> (found: Found, directories: [FDBox])? {
        var found: Found?
        var directories: [FDBox] = []
        for candidate in candidates {
            guard let status = try candidate.fd.status(of: name) else { continue }
            if status.isWhiteout { break }
            if found == nil { found = Found(status: status, holder: candidate, name: name) }
            // A file below a directory is covered by it; a directory below a file too.
            guard status.kind == .directory, descend else { break }
            let directory = FDBox(try candidate.fd.openDirectory(name))
            directories.append(directory)
            if try directory.fd.attribute(named: overlayOpaque) == [0x79] { break }
        }
        return found.map { ($0, directories) }
    }

    /// Follows symbolic links inside the root, the last component too when `followingLast`.
    /// `path` is what is left without links; `found` is nil when nothing is there.
    func resolve(_ path: TreePath, followingLast: Bool) throws(ImageError) -> (path: TreePath, found: Found?) {
        var done: TreePath = []
        var todo = path.map { PathStep.name($0) }[...]
        var links = 0
        var found: Found? = try kernel { () throws(SysError) in try lookup([]) }
        while let step = todo.popFirst() {
            guard case .name(let name) = step else {
                _ = done.popLast()
                found = try kernel { () throws(SysError) in try lookup(done) }
                continue
            }
            found = try kernel { () throws(SysError) in try lookup(done + [name]) }
            guard let here = found, here.status.kind == .symlink, followingLast || !todo.isEmpty else {
                done.append(name)
                continue
            }
            links += 1
            guard links <= 40 else { throw .kernel(SysError(ELOOP, "resolve", on: shown(path))) }
            let target = try kernel { () throws(SysError) in try here.holder.fd.readSymlink(name) }
            guard let steps = PathStep.steps(target) else { throw .kernel(SysError(ENAMETOOLONG, "resolve", on: shown(path))) }
            if target.first == 0x2f { done = [] }
            todo = (steps + todo)[...]
            found = try kernel { () throws(SysError) in try lookup(done) }
        }
        return (done, found)
    }

    /// The content of a regular file, links followed inside the root. Nil when there is none.
    func contents(of path: TreePath, limit: Int) throws(ImageError) -> [UInt8]? {
        let (place, found) = try resolve(path, followingLast: true)
        guard let found, let name = found.name else { return nil }
        guard found.status.kind == .file else { throw .document(subject: shown(place), reason: "not a regular file") }
        return try kernel { () throws(SysError) in try found.holder.fd.openEntry(name, O_RDONLY | O_NONBLOCK).readAll(limit: limit) }
    }
}

extension ExtendedAttribute {
    /// What overlay file systems write down for themselves, with privilege or without.
    var isNote: Bool { ["trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."].contains { name.hasPrefix($0) } }
}

/// overlayfs keeps its own notes in these attributes; an image may not bring any.
let overlayPrefix = "trusted.overlay."
let overlayOpaque = "trusted.overlay.opaque"
