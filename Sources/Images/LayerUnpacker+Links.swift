import Glibc
internal import LinuxSys

extension LayerUnpacker {
    /// A second name for a file of this layer, or of a layer below, which then has to be copied up first.
    mutating func makeHardLink(_ name: FileName, _ parent: OpenDirectory, _ entry: TarEntry) throws(ImageError) {
        let target = try path(entry.linkTarget, of: entry)
        guard let last = target.last else { throw bad(entry, "a hard link to the root") }
        let holder = try directory(Array(target.dropLast()), entry)
        let status = try kernel { () throws(SysError) in try holder.fd.fd.status(of: last) }
        guard status?.kind != .directory else { throw bad(entry, "a hard link to a directory") }
        if status == nil || status?.isWhiteout == true {
            guard status == nil, try copyUp(last, holder, entry) else {
                guard lower == nil, status == nil, holder.showsLower else {
                    throw bad(entry, "a hard link to \(TarEntry.shown(entry.linkTarget)), which is not there")
                }
                return askForLower()
            }
        }
        // Opened again: making the way to the target may have closed the parent's place in the trail, never its descriptor.
        if holder.path == parent.path, last == name { return }
        try clearing(name, parent) { () throws(SysError) in try holder.fd.fd.makeLink(last, in: parent.fd.fd, to: name) }
    }

    /// Copies a file from below into this layer. False when there is nothing to copy, or nothing to look at.
    private mutating func copyUp(_ name: FileName, _ directory: OpenDirectory, _ entry: TarEntry) throws(ImageError) -> Bool {
        guard let lower, directory.showsLower else { return false }
        let path = directory.path + [name]
        guard let found = try kernel({ () throws(SysError) in try lower.lookup(path) }) else { return false }
        guard found.status.kind != .directory else { throw bad(entry, "a hard link to a directory") }
        try kernel { () throws(SysError) in try directory.fd.fd.copyEntry(name, found) }
        return true
    }

    /// `.wh.name` deletes `name` of the layers below, `.wh..wh..opq` everything in its directory (image-spec, layer.md).
    /// What this layer itself has there stays, whatever the order.
    mutating func whiteout(_ mark: FileName, in directory: TreePath, _ entry: TarEntry) throws(ImageError) {
        let hidden = mark.bytes.dropFirst(whiteoutPrefix.count)
        let isOpaque = hidden.elementsEqual(Array(".wh..opq".utf8))
        // Other names of this form are notes that aufs kept for itself (`.wh..wh.plnk`): no part of the image.
        if !isOpaque, hidden.starts(with: whiteoutPrefix) { return }
        guard isOpaque || FileName(hidden) != nil else { throw bad(entry, "a whiteout of no name in its directory") }
        guard try walk(directory, entry, .hide) else { return }
        let parent = trail[trail.count - 1]
        guard !isOpaque, let name = FileName(hidden) else {
            trace.opaque.insert(parent.path)
            // From now on the last of the trail shows nothing from below.
            trail[trail.count - 1] = OpenDirectory(path: parent.path, fd: parent.fd, showsLower: false, isPlain: parent.isPlain)
            return
        }
        try hide(name, parent)
    }

    private mutating func hide(_ name: FileName, _ parent: OpenDirectory) throws(ImageError) {
        let path = parent.path + [name]
        var status = try kernel { () throws(SysError) in try parent.fd.fd.status(of: name) }
        if trace.markers.contains(path) {
            // All that this layer has there are notes on what is gone: they are gone with it.
            forget(path)
            try kernel { () throws(SysError) in try parent.fd.fd.removeTree(name) }
            status = nil
        }
        if let status {
            if status.kind == .directory { trace.opaque.insert(path) }
            return
        }
        guard parent.showsLower else { return }
        try kernel { () throws(SysError) in try parent.fd.fd.makeNode(name, .characterDevice, mode: 0) }
        trace.whiteouts.insert(path)
    }
}

extension FD {
    /// A copy of a file, link, device or fifo of another tree under the same name, with all that belongs to it.
    func copyEntry(_ name: FileName, _ found: MergedTree.Found) throws(SysError) {
        guard let source = found.name else { throw SysError(EISDIR, "copy", on: name.description) }
        let status = found.status
        switch status.kind {
        case .file:
            let from = try found.holder.fd.openEntry(source, O_RDONLY)
            let to = try openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            var offset: Int64 = 0
            while true {
                let bytes = try from.read(at: offset, count: pieceSize)
                if bytes.isEmpty { break }
                // Holes stay holes as far as they go.
                if !bytes.allSatisfy({ $0 == 0 }) { try to.writeAll(bytes[...], at: offset) }
                offset += Int64(bytes.count)
            }
            try to.truncate(to: offset)
        case .symlink: try makeSymlink(name, to: try found.holder.fd.readSymlink(source))
        case .characterDevice, .blockDevice, .fifo, .socket:
            try makeNode(name, status.kind, mode: 0o600, major: status.major, minor: status.minor)
        case .directory: throw SysError(EISDIR, "copy", on: name.description)
        }
        try setOwner(of: name, uid: status.uid, gid: status.gid)
        if status.kind != .symlink { try setMode(of: name, status.mode) }
        for attribute in try found.attributes() { try setAttribute(of: name, attribute) }
        try setTimes(of: name, access: status.access, modify: status.modify)
    }
}
