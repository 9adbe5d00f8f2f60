internal import LinuxSys

/// Makes one plain tree out of layers: every entry with its owner, mode, times, links and attributes.
struct TreeCopy {
    private let top: FDBox
    private let limits: UnpackLimits
    /// Where a file with several names was made first, by device and inode.
    private var names: [LayerWriter.FileKey: TreePath] = [:]

    /// Into `top`, which is empty.
    static func make(_ tree: MergedTree, in top: FDBox, limits: UnpackLimits) throws(ImageError) {
        guard let root = try kernel({ () throws(SysError) in try tree.lookup([]) }) else { return }
        var copy = TreeCopy(top: top, limits: limits)
        try copy.fill(top, [], try MergedDirectory(tree))
        try kernel { () throws(SysError) in try Self.describe(top, root) }
    }

    /// What is in the directory at `path` of `tree`, and what that directory looks like, into `top`, which is empty.
    static func make(of path: TreePath, in tree: MergedTree, to top: FDBox, limits: UnpackLimits) throws(ImageError) {
        var directory = try MergedDirectory(tree)
        var found = try kernel { () throws(SysError) in try tree.lookup([]) }
        for name in path {
            guard let entry = try directory.entries().first(where: { $0.name == name }) else { return }
            directory = try directory.enter(entry)
            found = entry.found
        }
        guard let found else { return }
        var copy = TreeCopy(top: top, limits: limits)
        try copy.fill(top, [], directory)
        try kernel { () throws(SysError) in try Self.describe(top, found) }
    }

    private init(top: FDBox, limits: UnpackLimits) {
        self.top = top
        self.limits = limits
    }

    private mutating func fill(_ target: FDBox, _ path: TreePath, _ source: MergedDirectory) throws(ImageError) {
        guard path.count < limits.depth else {
            throw .limit(subject: shown(path), what: "directories are nested deeper than \(limits.depth)")
        }
        for entry in try source.entries() {
            let place = path + [entry.name]
            guard entry.found.status.kind == .directory else {
                try kernel { () throws(SysError) in try copy(entry.name, entry.found, place, target) }
                continue
            }
            let inner = try kernel { () throws(SysError) in
                try target.fd.makeDirectory(entry.name, mode: 0o700)
                return FDBox(try target.fd.openDirectory(entry.name))
            }
            try fill(inner, place, try source.enter(entry))
            // Last: what is put into a directory changes its times.
            try kernel { () throws(SysError) in try Self.describe(inner, entry.found) }
        }
    }

    private mutating func copy(_ name: FileName, _ found: MergedTree.Found, _ path: TreePath, _ target: FDBox) throws(SysError) {
        guard found.status.links > 1 else { return try target.fd.copyEntry(name, found) }
        let key = LayerWriter.FileKey(device: found.status.device, inode: found.status.inode)
        guard let first = names[key], let last = first.last, let holder = try top.fd.openPathIfThere(Array(first.dropLast())) else {
            names[key] = path
            return try target.fd.copyEntry(name, found)
        }
        try holder.makeLink(last, in: target.fd, to: name)
    }

    private static func describe(_ directory: FDBox, _ found: MergedTree.Found) throws(SysError) {
        try directory.fd.copyAllAttributes(found)
        try directory.fd.setTimes(access: found.status.access, modify: found.status.modify)
    }
}
