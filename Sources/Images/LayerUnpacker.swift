import Glibc
internal import LinuxSys

/// Unpacks the entries of one layer into its own directory, as the upper part of an overlay.
///
/// Every path is walked by descriptors, component by component; a symbolic link on the way is resolved here, inside the root.
/// Without `lower` the layer is unpacked for itself (several at once), and the trace says what depends on the layers below.
struct LayerUnpacker {
    /// Reasons to start again with `lower` in sight.
    enum Outcome: Equatable {
        case complete(LayerTrace)
        case needsLower
    }

    struct OpenDirectory {
        let path: TreePath
        let fd: FDBox
        /// Whether the layers below show through (nothing above made it opaque).
        let showsLower: Bool
        /// Whether what is made in it belongs to 0:0 and has the mode that it is made with: the group is 0 and not handed on, so
        /// that neither a setgid bit nor the mount option `grpid` matters. Default ACLs are set only when everything is there.
        var isPlain: Bool
    }

    let subject: String
    let lower: MergedTree?
    let limits: UnpackLimits
    var trace = LayerTrace()
    /// The chain of open directories from the root to where the last entry went.
    var trail: [OpenDirectory]
    private var wantsLower = false
    /// Where the last entry went, as it was written, and the path that this means: entries come in order of their directories.
    private var lastParent: (text: [UInt8], path: TreePath) = ([], [])
    /// New files are this process's own; what they are made with, they need not be told again.
    private let makesFilesOfRoot = geteuid() == 0 && getegid() == 0
    let mask = fileModeMask()
    var disk: DiskWatch

    init(into diff: FDBox, lower: MergedTree?, subject: String, limits: UnpackLimits) {
        trail = [OpenDirectory(path: [], fd: diff, showsLower: true, isPlain: false)]
        disk = DiskWatch(diff, subject: subject)
        self.subject = subject
        self.lower = lower
        self.limits = limits
        trace.implied = [[]]
    }

    /// Reads the whole archive, also what follows its end.
    mutating func unpack<Source>(_ reader: inout TarReader<Source>) throws(ImageError) -> Outcome {
        while let entry = try reader.next() {
            try place(entry, &reader)
            if wantsLower { return .needsLower }
        }
        try reader.drain()
        return .complete(trace)
    }

    private mutating func place<Source>(_ entry: TarEntry, _ reader: inout TarReader<Source>) throws(ImageError) {
        guard let (above, name) = try target(of: entry) else {
            guard entry.kind == .directory else { throw bad(entry, "the root is not a directory") }
            trail.removeSubrange(1...)
            return try Self.located(entry, of: subject) { () throws(ImageError) in try describeLast(entry) }
        }
        guard above.count < limits.depth else {
            throw .limit(subject: subject, what: "\(entry.shownPath) is nested deeper than \(limits.depth)")
        }
        if name.bytes.starts(with: whiteoutPrefix) {
            return try Self.located(entry, of: subject) { () throws(ImageError) in try whiteout(name, in: above, entry) }
        }
        let parent = try Self.located(entry, of: subject) { () throws(ImageError) in try directory(above, entry) }
        try refuseForeignNotes(entry)
        try Self.located(entry, of: subject) { () throws(ImageError) in
            switch entry.kind {
            case .directory: try makeDirectory(name, parent, entry)
            case .file: try makeFile(name, parent, entry, &reader)
            case .hardLink: try makeHardLink(name, parent, entry)
            case .symlink, .characterDevice, .blockDevice, .fifo: try makeSpecial(name, parent, entry)
            }
        }
    }

    /// The directory and the name in it that an entry means; nil for the root.
    private mutating func target(of entry: TarEntry) throws(ImageError) -> (above: TreePath, name: FileName)? {
        let slash = entry.path.lastIndex(of: 0x2f)
        if let slash, entry.path[..<slash] == lastParent.text[...], let name = FileName(entry.path[(slash + 1)...]) {
            return (lastParent.path, name)
        }
        var path = try path(entry.path, of: entry)
        guard let name = path.popLast() else { return nil }
        // What ends in a slash or in dots has its name elsewhere.
        if let slash, entry.path[(slash + 1)...] == name.bytes { lastParent = (Array(entry.path[..<slash]), path) }
        return (path, name)
    }

    /// The cleaned path of an entry or of the target of a hard link.
    func path(_ bytes: [UInt8], of entry: TarEntry) throws(ImageError) -> TreePath {
        do {
            return try cleanPath(bytes)
        } catch {
            switch error {
            case .leavesRoot: throw bad(entry, "the path \(TarEntry.shown(bytes)) leads out of the root")
            case .badName: throw bad(entry, "a name in \(TarEntry.shown(bytes)) is longer than 255 bytes")
            }
        }
    }

    private func refuseForeignNotes(_ entry: TarEntry) throws(ImageError) {
        for attribute in entry.attributes where attribute.name.hasPrefix(overlayPrefix) {
            throw bad(entry, "an image may not set \(attribute.name)")
        }
        if entry.kind == .characterDevice, entry.major == 0, entry.minor == 0 {
            throw bad(entry, "a character device 0:0 is how overlayfs marks a deleted entry")
        }
    }

    func bad(_ entry: TarEntry, _ reason: String) -> ImageError { .archive(subject: subject, reason: "\(entry.shownPath): \(reason)") }

    /// Adds entry and layer to what the kernel said. Static, because `body` changes the unpacker: as a method it would need a copy of it.
    private static func located<T>(_ entry: TarEntry, of subject: String, _ body: () throws(ImageError) -> T) throws(ImageError) -> T {
        do {
            return try body()
        } catch .kernel(let error) {
            throw .kernel(SysError(error.errno, error.operation, on: "\(entry.shownPath) of \(subject)"))
        }
    }

    func isPlain(group: UInt32, mode: UInt32) -> Bool { makesFilesOfRoot && group == 0 && mode & 0o2000 == 0 }

    /// Whether a file that is made with this mode has it.
    func isMadeWith(_ mode: UInt32) -> Bool { mode & (mask | ~0o777) == 0 }

    /// Remembers that the layer cannot be unpacked alone.
    mutating func askForLower() { wantsLower = true }

    /// Forgets the directory at `path` and all in it: it is about to be replaced.
    mutating func forget(_ path: TreePath) {
        if let first = trail.firstIndex(where: { $0.path.starts(with: path) }), first > 0 { trail.removeSubrange(first...) }
        trace.times = trace.times.filter { !$0.key.starts(with: path) }
        trace.opaque = trace.opaque.filter { !$0.starts(with: path) }
        trace.implied = trace.implied.filter { !$0.starts(with: path) }
        trace.whiteouts = trace.whiteouts.filter { !$0.starts(with: path) }
        trace.markers = trace.markers.filter { !$0.starts(with: path) }
        trace.defaultACLs = trace.defaultACLs.filter { !$0.key.starts(with: path) }
    }
}

/// image-spec, layer.md "Whiteouts".
let whiteoutPrefix = Array(".wh.".utf8)
