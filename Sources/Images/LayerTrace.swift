import Glibc
internal import LinuxSys

/// What unpacking a layer left to be done once the layers below it are there.
struct LayerTrace: Sendable, Equatable {
    struct Times: Sendable, Equatable {
        var access: FileTime
        var modify: FileTime
    }
    /// Directories that no entry of the layer describes: they look as below.
    var implied: Set<TreePath> = []
    /// Directories that neither an entry nor anything below describes: nobody says when they were made.
    var undated: Set<TreePath> = []
    /// Deleted entries: needed only where something below is hidden by them.
    var whiteouts: Set<TreePath> = []
    /// Directories that hide what is below them.
    var opaque: Set<TreePath> = []
    /// Implied directories in which nothing of this layer stands but notes on what is gone.
    var markers: Set<TreePath> = []
    /// Set when everything inside is complete.
    var times: [TreePath: Times] = [:]
    /// Set at the end too, or the layer's own entries would inherit from them.
    var defaultACLs: [TreePath: [UInt8]] = [:]

    /// A directory has an entry of its own.
    mutating func described(_ path: TreePath, by entry: TarEntry) {
        if !implied.isEmpty { implied.remove(path) }
        if !markers.isEmpty { markers.remove(path) }
        if !undated.isEmpty { undated.remove(path) }
        times[path] = Times(access: entry.access ?? entry.modify, modify: entry.modify)
        let acl = entry.attributes.first { $0.isDefaultACL }
        if acl != nil || !defaultACLs.isEmpty { defaultACLs[path] = acl?.value }
    }

    /// Completes the layer in `diff` over `lower`. False when the layer has to be unpacked again with `lower` in sight:
    /// a directory that it takes for granted is a link below.
    func finish(_ diff: borrowing FD, lower: MergedTree) throws(SysError) -> Bool {
        var (times, acls) = (times, defaultACLs)
        // In the order of the tree, so that hardly a directory is gone into twice.
        var below = MergedWalk(lower)
        for path in implied.sorted(by: isBefore) {
            guard let found = try below.lookup(path) else {
                // Nothing there that could be gone.
                if markers.contains(path) { try remove(path, from: diff, &times) }
                continue
            }
            guard found.status.kind == .directory else { return false }
            guard let directory = try diff.openPathIfThere(path) else { continue }
            acls[path] = try directory.copyAttributes(found)
            times[path] = Times(access: found.status.access, modify: found.status.modify)
        }
        if opaque.contains([]) { try hideAll(diff, lower) }
        for path in opaque where !path.isEmpty {
            try diff.openPathIfThere(path)?.setAttribute(ExtendedAttribute(name: overlayOpaque, value: [0x79]))
        }
        for path in whiteouts.sorted(by: isBefore) {
            // A directory that hides everything is listed by overlayfs as it is: a note in it would be seen.
            var isNeedless = isHidden(path)
            if !isNeedless { isNeedless = try below.lookup(path) == nil }
            guard isNeedless else { continue }
            guard let name = path.last, let parent = try diff.openPathIfThere(Array(path.dropLast())) else { continue }
            if try parent.status(of: name)?.isWhiteout == true { try parent.removeEntry(name, isDirectory: false) }
        }
        for (path, acl) in acls {
            try diff.openPathIfThere(path)?.setAttribute(ExtendedAttribute(name: "system.posix_acl_default", value: acl))
        }
        try setTimes(times, in: diff)
        return true
    }
}

extension LayerTrace {
    /// Whether a directory above hides what is below: the mark may have come after the note. Of an opaque root the names in it are hidden
    /// one by one.
    private func isHidden(_ path: TreePath) -> Bool {
        guard !opaque.isEmpty, path.count > 1 else { return false }
        return opaque.contains([]) || (1..<path.count).contains { opaque.contains(Array(path[..<$0])) }
    }

    /// In the order of the tree, so that each directory is opened once and from the one above it.
    private func setTimes(_ times: [TreePath: Times], in diff: borrowing FD) throws(SysError) {
        let root = FDBox(try diff.open(".", O_RDONLY | O_DIRECTORY, resolve: .beneath))
        var trail: [(name: FileName, fd: FDBox)] = []
        for (path, time) in times.sorted(by: { isBefore($0.key, $1.key) }) {
            var depth = 0
            while depth < min(trail.count, path.count), trail[depth].name == path[depth] { depth += 1 }
            trail.removeSubrange(depth...)
            while depth < path.count {
                let parent = trail.last?.fd ?? root
                do { trail.append((path[depth], FDBox(try parent.fd.openDirectory(path[depth])))) } catch {
                    guard error.errno == ENOENT else { throw error }
                    break
                }
                depth += 1
            }
            if depth == path.count { try (trail.last?.fd ?? root).fd.setTimes(access: time.access, modify: time.modify) }
        }
    }

    private func remove(_ path: TreePath, from diff: borrowing FD, _ times: inout [TreePath: Times]) throws(SysError) {
        guard let name = path.last, let parent = try diff.openPathIfThere(Array(path.dropLast())) else { return }
        try parent.removeTree(name)
        times = times.filter { !$0.key.starts(with: path) }
    }

    /// overlayfs does not look for the opaque mark on the root of a layer: everything below is hidden by name.
    private func hideAll(_ diff: borrowing FD, _ lower: MergedTree) throws(SysError) {
        for layer in lower.layers {
            for name in try layer.fd.entries() where try lower.lookup([name]) != nil {
                switch try diff.status(of: name) {
                case nil: try diff.makeNode(name, .characterDevice, mode: 0)
                case let status? where status.kind == .directory:
                    try diff.openDirectory(name).setAttribute(ExtendedAttribute(name: overlayOpaque, value: [0x79]))
                case .some: break
                }
            }
        }
    }
}

extension FD {
    /// The directory at a path without links under this one; nil when it is not there.
    func openPathIfThere(_ path: TreePath) throws(SysError) -> FD? {
        var directory = try open(".", O_RDONLY | O_DIRECTORY, resolve: .beneath)
        for name in path {
            do { directory = try directory.openDirectory(name) } catch {
                if error.errno == ENOENT { return nil }
                throw error
            }
        }
        return directory
    }

    /// Makes this directory look like that one: owner, mode, extended attributes. Its default ACL is handed back, to be set last.
    func copyAttributes(_ found: MergedTree.Found) throws(SysError) -> [UInt8]? {
        try setOwner(uid: found.status.uid, gid: found.status.gid)
        try setMode(found.status.mode)
        var acl: [UInt8]?
        for attribute in try found.attributes() {
            if attribute.isDefaultACL { acl = attribute.value } else { try setAttribute(attribute) }
        }
        return acl
    }

    /// The same for a directory in which nothing is made any more, or everything later than this.
    func copyAllAttributes(_ found: MergedTree.Found) throws(SysError) {
        if let acl = try copyAttributes(found) { try setAttribute(ExtendedAttribute(name: "system.posix_acl_default", value: acl)) }
    }
}
