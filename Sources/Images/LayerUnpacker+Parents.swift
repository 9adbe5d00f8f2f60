import Glibc
internal import LinuxSys

/// The way from the root to the directory of an entry.
extension LayerUnpacker {
    /// Why the way to an entry is walked.
    enum Purpose {
        /// Something is put there: what is missing is made, and what is in the way is an error.
        case place
        /// Something below is taken away there: where the way ends there is nothing to take away.
        case hide
    }

    private enum Step {
        case entered
        case link([UInt8])
        case blocked
    }

    /// Opens the directory at `path`, makes what is missing, and resolves links inside the root.
    mutating func directory(_ path: TreePath, _ entry: TarEntry) throws(ImageError) -> OpenDirectory {
        guard try walk(path, entry, .place) else { throw bad(entry, "\(shown(path)) is not a directory") }
        // What is placed here is no mere note on what is gone.
        if !trace.markers.isEmpty { for step in trail { trace.markers.remove(step.path) } }
        return trail[trail.count - 1]
    }

    /// Puts the directory at `path` at the end of the trail. False when the way is blocked.
    mutating func walk(_ path: TreePath, _ entry: TarEntry, _ purpose: Purpose) throws(ImageError) -> Bool {
        // Most entries go where the last one went: the search below would find that too, in measurably more time.
        if trail[trail.count - 1].path == path { return true }
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
            let target: [UInt8]
            switch try enter(name, entry, purpose) {
            case .entered: continue
            case .blocked: return false
            case .link(let text): target = text
            }
            links += 1
            guard links <= 40 else { throw bad(entry, "too many symbolic links on the way") }
            guard let steps = PathStep.steps(target) else { throw bad(entry, "a symbolic link on the way leads to a bad name") }
            if target.first == 0x2f { trail.removeSubrange(1...) }
            todo = (steps + todo)[...]
            guard trail.count + todo.count <= limits.depth else {
                throw .limit(subject: subject, what: "\(entry.shownPath) is nested too deep")
            }
        }
        return true
    }

    /// Goes into `name` of the last open directory; a link is not followed.
    private mutating func enter(_ name: FileName, _ entry: TarEntry, _ purpose: Purpose) throws(ImageError) -> Step {
        let here = trail[trail.count - 1]
        do {
            let directory = FDBox(try here.fd.fd.openDirectory(name))
            let status = try directory.fd.status()
            push(directory, name, here, isPlain: status.map { isPlain(group: $0.gid, mode: $0.mode) } ?? false)
            return .entered
        } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP else { throw .kernel(error) }
        }
        guard let status = try kernel({ () throws(SysError) in try here.fd.fd.status(of: name) }) else {
            return try enterMissing(name, here, entry, purpose)
        }
        if status.kind == .symlink { return .link(try kernel { () throws(SysError) in try here.fd.fd.readSymlink(name) }) }
        if purpose == .hide { return .blocked }
        guard status.isWhiteout else { throw bad(entry, "\(shown(here.path + [name])) is not a directory") }
        try replaceWhiteout(name, here)
        try makeImplied(name, here, like: nil)
        return .entered
    }

    private mutating func enterMissing(
        _ name: FileName, _ here: OpenDirectory, _ entry: TarEntry, _ purpose: Purpose
    ) throws(ImageError) -> Step {
        let path = here.path + [name]
        if purpose == .hide, !here.showsLower { return .blocked }
        guard let lower, here.showsLower else {
            // Alone: taken for a new directory until the layers below are known.
            if here.showsLower { trace.implied.insert(path) }
            if purpose == .hide { trace.markers.insert(path) }
            try makeImplied(name, here, like: nil)
            return .entered
        }
        let found = try kernel { () throws(SysError) in try lower.lookup(path) }
        if let found, found.status.kind == .symlink {
            return .link(try kernel { () throws(SysError) in try found.holder.fd.readSymlink(name) })
        }
        if purpose == .hide, found?.status.kind != .directory { return .blocked }
        if let found, found.status.kind != .directory { throw bad(entry, "\(shown(path)) is not a directory") }
        if purpose == .hide { trace.markers.insert(path) }
        try makeImplied(name, here, like: found)
        return .entered
    }

    private mutating func makeImplied(_ name: FileName, _ here: OpenDirectory, like found: MergedTree.Found?) throws(ImageError) {
        let directory = try kernel { () throws(SysError) in
            try here.fd.fd.makeDirectory(name, mode: 0o755)
            return FDBox(try here.fd.fd.openDirectory(name))
        }
        try kernel { () throws(SysError) in
            guard let found else { return try directory.fd.setMode(0o755) }
            let path = here.path + [name]
            trace.defaultACLs[path] = try directory.fd.copyAttributes(found)
            trace.times[path] = .init(access: found.status.access, modify: found.status.modify)
        }
        if found == nil { trace.undated.insert(here.path + [name]) }
        // A directory without an entry is made by this process for itself; with `found` it may be anybody's.
        push(directory, name, here, isPlain: false)
    }

    mutating func push(_ fd: FDBox, _ name: FileName, _ parent: OpenDirectory, isPlain: Bool) {
        let path = parent.path + [name]
        trail.append(
            OpenDirectory(path: path, fd: fd, showsLower: parent.showsLower && !trace.opaque.contains(path), isPlain: isPlain))
    }

    /// A directory takes the place of a deleted entry: what was below it stays hidden.
    mutating func replaceWhiteout(_ name: FileName, _ parent: OpenDirectory) throws(ImageError) {
        let path = parent.path + [name]
        _ = try kernel { () throws(SysError) in try parent.fd.fd.removeEntry(name, isDirectory: false) }
        trace.whiteouts.remove(path)
        trace.opaque.insert(path)
    }
}
