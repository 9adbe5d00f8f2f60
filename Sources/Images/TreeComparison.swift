import Glibc
internal import LinuxSys

/// How one entry of a tree came to be as it is.
enum TreeChange {
    case added(MergedTree.Found)
    /// Something stands there in both trees; a directory also when only something in it changed.
    case modified(MergedTree.Found)
    case deleted
}

/// What has to happen to a tree so that it becomes another one (image-spec, layer.md "Determining Changes"), in the order of names.
///
/// Both are walked at once, and not where both are the same directories on disk: what a container left alone costs nothing
/// when its writable layer lies over the image's. Directories above a change are told as modified, before it.
struct TreeComparison {
    /// Nil: nothing, so that everything is new.
    let old: MergedTree?
    let new: MergedTree
    let limits: UnpackLimits

    typealias Visitor = (TreePath, TreeChange) throws(ImageError) -> Void

    func run(_ visit: Visitor) throws(ImageError) {
        let newRoot = try MergedDirectory(new)
        guard let found = try kernel({ () throws(SysError) in try new.lookup([]) }) else { return }
        var walk = TreeWalk(limits: limits)
        guard let old, let before = try kernel({ () throws(SysError) in try old.lookup([]) }) else {
            try visit([], .added(found))
            return try walk.run([], nil, newRoot, visit)
        }
        if try kernel({ () throws(SysError) in try TreeWalk.differ(before, found) }) {
            try visit([], .modified(found))
        } else {
            walk.pending.append(([], found))
        }
        try walk.run([], try MergedDirectory(old), newRoot, visit)
    }
}

/// A comparison under way.
private struct TreeWalk {
    let limits: UnpackLimits
    /// Directories on the way down that were not told yet: nothing in them changed so far.
    var pending: [(path: TreePath, found: MergedTree.Found)] = []

    init(limits: UnpackLimits) { self.limits = limits }

    mutating func run(_ path: TreePath, _ old: MergedDirectory?, _ new: MergedDirectory, _ visit: TreeComparison.Visitor) throws(ImageError)
    {
        if let old, old.isSame(as: new) { return }
        guard path.count < limits.depth else {
            throw .limit(subject: shown(path), what: "directories are nested deeper than \(limits.depth)")
        }
        var before = try old?.entries()[...] ?? []
        for entry in try new.entries() {
            while let first = before.first, first.name.bytes.lexicographicallyPrecedes(entry.name.bytes) {
                try tell(path + [first.name], .deleted, visit)
                before.removeFirst()
            }
            let place = path + [entry.name]
            guard let same = before.first, same.name == entry.name else {
                try tell(place, .added(entry.found), visit)
                if entry.found.status.kind == .directory { try run(place, nil, try new.enter(entry), visit) }
                continue
            }
            before.removeFirst()
            try compare(place, (old, same), (new, entry), visit)
        }
        for entry in before { try tell(path + [entry.name], .deleted, visit) }
    }

    private mutating func compare(
        _ path: TreePath, _ old: (directory: MergedDirectory?, entry: MergedDirectory.Entry),
        _ new: (directory: MergedDirectory, entry: MergedDirectory.Entry), _ visit: TreeComparison.Visitor
    ) throws(ImageError) {
        let (before, now) = (old.entry.found, new.entry.found)
        let isDifferent = try kernel { () throws(SysError) in try Self.differ(before, now) }
        guard now.status.kind == .directory else {
            if isDifferent { try tell(path, .modified(now), visit) }
            return
        }
        let depth = pending.count
        if isDifferent { try tell(path, .modified(now), visit) } else { pending.append((path, now)) }
        let below = before.status.kind == .directory ? try old.directory?.enter(old.entry) : nil
        try run(path, below, try new.directory.enter(new.entry), visit)
        // Nothing in it changed.
        if !isDifferent, pending.count > depth { pending.removeLast() }
    }

    private mutating func tell(_ path: TreePath, _ change: TreeChange, _ visit: TreeComparison.Visitor) throws(ImageError) {
        for directory in pending { try visit(directory.path, .modified(directory.found)) }
        pending.removeAll()
        try visit(path, change)
    }

    /// Everything that a layer keeps of an entry is compared, the content too: times can be set back.
    static func differ(_ old: MergedTree.Found, _ new: MergedTree.Found) throws(SysError) -> Bool {
        let (a, b) = (old.status, new.status)
        if a.device == b.device, a.inode == b.inode { return false }
        guard a.kind == b.kind, a.mode == b.mode, a.uid == b.uid, a.gid == b.gid, a.modify == b.modify else { return true }
        // A further name of the file is told as a link to this one, which therefore has to be in the layer.
        if a.kind != .directory, b.links > a.links { return true }
        if try old.layerAttributes() != new.layerAttributes() { return true }
        switch a.kind {
        case .file:
            guard a.size == b.size else { return true }
            return try !hasSameContent(old, new)
        case .symlink: return try old.linkText() != new.linkText()
        case .characterDevice, .blockDevice: return a.major != b.major || a.minor != b.minor
        case .directory, .fifo, .socket: return false
        }
    }

    private static func hasSameContent(_ old: MergedTree.Found, _ new: MergedTree.Found) throws(SysError) -> Bool {
        let (left, right) = (FDBox(try old.openFile()), FDBox(try new.openFile()))
        var offset: Int64 = 0
        while true {
            let (a, b) = (try left.fd.read(at: offset, count: pieceSize), try right.fd.read(at: offset, count: pieceSize))
            guard a == b else { return false }
            if a.isEmpty { return true }
            offset += Int64(a.count)
        }
    }
}

extension MergedTree.Found {
    /// The text of a symbolic link.
    func linkText() throws(SysError) -> [UInt8] { try name.map { name throws(SysError) in try holder.fd.readSymlink(name) } ?? [] }

    /// A regular file, for reading. What stands there by now is never followed or waited for.
    func openFile() throws(SysError) -> FD {
        guard let name else { throw SysError(21 /* EISDIR */, "open") }
        let file = try holder.fd.openEntry(name, O_RDONLY | O_NONBLOCK)
        guard let found = try file.status(), found.kind == .file, found.inode == status.inode, found.device == status.device else {
            throw SysError(ESTALE, "open", on: name.description)
        }
        return file
    }

    /// The attributes that go into a layer, in the order of their names: none of the host's labels, no notes of overlay file systems.
    func layerAttributes() throws(SysError) -> [ExtendedAttribute] {
        try attributes().filter { !$0.isOfHost }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
