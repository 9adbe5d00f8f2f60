import Glibc
internal import LinuxSys

/// The way from the root to the directory of an entry.
extension LayerUnpacker {
    /// Opens the directory at `path`, makes what is missing, and resolves links inside the root.
    mutating func directory(_ path: TreePath, _ entry: TarEntry) throws(ImageError) -> OpenDirectory {
        // What is open already is a directory under its own name: entries come in order of their directories.
        var common = 0
        while common < path.count, common + 1 < trail.count, trail[common + 1].path.last == path[common] { common += 1 }
        trail.removeSubrange((common + 1)...)
        var todo = path[common...].map { PathStep.name($0) }[...]
        var links = 0
        while let step = todo.popFirst() {
            guard case .name(let name) = step else {
                if trail.count > 1 { trail.removeLast() }
                continue
            }
            guard let target = try enter(name, entry) else { continue }
            links += 1
            guard links <= 40 else { throw bad(entry, "too many symbolic links on the way") }
            guard let steps = PathStep.steps(target) else { throw bad(entry, "a symbolic link on the way leads to a bad name") }
            if target.first == 0x2f { trail.removeSubrange(1...) }
            todo = (steps + todo)[...]
            guard trail.count + todo.count <= limits.depth else { throw .limit(subject: subject, what: "\(entry.shownPath) is nested too deep") }
        }
        return trail[trail.count - 1]
    }

    /// Goes into `name` of the last open directory. A link is not followed: its text is returned.
    private mutating func enter(_ name: FileName, _ entry: TarEntry) throws(ImageError) -> [UInt8]? {
        let here = trail[trail.count - 1]
        do {
            push(FDBox(try here.fd.fd.openDirectory(name)), name, here)
            return nil
        } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP else { throw .kernel(error) }
        }
        guard let status = try kernel({ () throws(SysError) in try here.fd.fd.status(of: name) }) else { return try enterMissing(name, here, entry) }
        if status.kind == .symlink { return try kernel { () throws(SysError) in try here.fd.fd.readSymlink(name) } }
        guard status.isWhiteout else { throw bad(entry, "\(shown(here.path + [name])) is not a directory") }
        try replaceWhiteout(name, here)
        try makeImplied(name, here, like: nil)
        return nil
    }

    private mutating func enterMissing(_ name: FileName, _ here: OpenDirectory, _ entry: TarEntry) throws(ImageError) -> [UInt8]? {
        let path = here.path + [name]
        guard let lower, here.showsLower else {
            // Alone: taken for a new directory until the layers below are known.
            if here.showsLower { trace.implied.insert(path) }
            try makeImplied(name, here, like: nil)
            return nil
        }
        let found = try kernel { () throws(SysError) in try lower.lookup(path) }
        if let found, found.status.kind == .symlink { return try kernel { () throws(SysError) in try found.holder.fd.readSymlink(name) } }
        if let found, found.status.kind != .directory { throw bad(entry, "\(shown(path)) is not a directory") }
        try makeImplied(name, here, like: found)
        return nil
    }

    private mutating func makeImplied(_ name: FileName, _ here: OpenDirectory, like found: MergedTree.Found?) throws(ImageError) {
        let directory = try kernel { () throws(SysError) in
            try here.fd.fd.makeDirectory(name, mode: 0o755)
            return FDBox(try here.fd.fd.openDirectory(name))
        }
        try kernel { () throws(SysError) in
            guard let found else { return try directory.fd.setMode(0o755) }
            try directory.fd.copyAttributes(found)
        }
        if let found { trace.times[here.path + [name]] = .init(access: found.status.access, modify: found.status.modify) }
        push(directory, name, here)
    }

    mutating func push(_ fd: FDBox, _ name: FileName, _ parent: OpenDirectory) {
        let path = parent.path + [name]
        trail.append(OpenDirectory(path: path, fd: fd, showsLower: parent.showsLower && !trace.opaque.contains(path)))
    }

    /// A directory takes the place of a deleted entry: what was below it stays hidden.
    mutating func replaceWhiteout(_ name: FileName, _ parent: OpenDirectory) throws(ImageError) {
        let path = parent.path + [name]
        _ = try kernel { () throws(SysError) in try parent.fd.fd.removeEntry(name, isDirectory: false) }
        trace.whiteouts.remove(path)
        trace.opaque.insert(path)
    }
}
