import Glibc
internal import LinuxSys

/// How a file system notes in a writable layer what was deleted.
enum LayerNotes: Sendable {
    /// Character devices 0:0 and `trusted.overlay.` attributes (overlayfs.rst).
    case overlay
    /// As fuse-overlayfs does: those, and files called `.wh.name` and `.wh..wh..opq` where the user may not make them.
    case fuseOverlayfs
}

/// One directory of a merged tree, to be listed and gone into.
struct MergedDirectory {
    /// The directory in one layer.
    struct Candidate: Sendable {
        let fd: FDBox
        let device: UInt64, inode: UInt64
    }
    struct Entry {
        let name: FileName
        let found: MergedTree.Found
        /// The place of the topmost layer that has it among the candidates.
        fileprivate let first: Int
    }
    /// Topmost first.
    let candidates: [Candidate]
    private let notes: LayerNotes

    private init(_ candidates: [Candidate], _ notes: LayerNotes) {
        self.candidates = candidates
        self.notes = notes
    }

    /// The root: overlay file systems do not look for the opaque mark on the root of a layer.
    init(_ tree: MergedTree) throws(ImageError) {
        var candidates: [Candidate] = []
        for layer in tree.layers {
            candidates.append(try kernel { () throws(SysError) in try Self.candidate(layer) })
        }
        self.init(candidates, tree.notes)
    }

    /// Whether nothing in it, however deep, can differ: both are made of the same directories.
    func isSame(as other: MergedDirectory) -> Bool {
        candidates.elementsEqual(other.candidates) { $0.device == $1.device && $0.inode == $1.inode }
    }

    /// What is there, in the order of the names' bytes.
    func entries() throws(ImageError) -> [Entry] {
        var seen: Set<FileName> = []
        var entries: [Entry] = []
        for (place, candidate) in candidates.enumerated() {
            let names = try kernel { () throws(SysError) in try candidate.fd.fd.entries() }
            if notes == .fuseOverlayfs { seen.formUnion(Self.hidden(names)) }
            for name in names where !seen.contains(name) {
                guard let status = try kernel({ () throws(SysError) in try candidate.fd.fd.status(of: name) }) else { continue }
                seen.insert(name)
                if status.isWhiteout || notes == .fuseOverlayfs && name.bytes.starts(with: whiteoutPrefix) { continue }
                entries.append(Entry(name: name, found: .init(status: status, holder: candidate.fd, name: name), first: place))
            }
        }
        return entries.sorted { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
    }

    /// The directory behind an entry that is one.
    func enter(_ entry: Entry) throws(ImageError) -> MergedDirectory {
        var inner: [Candidate] = []
        for candidate in candidates[entry.first...] {
            guard let status = try kernel({ () throws(SysError) in try candidate.fd.fd.status(of: entry.name) }) else {
                if notes == .fuseOverlayfs, try hides(candidate, entry.name) { break }
                continue
            }
            guard status.kind == .directory else { break }
            let directory = FDBox(try kernel { () throws(SysError) in try candidate.fd.fd.openDirectory(entry.name) })
            inner.append(try kernel { () throws(SysError) in try Self.candidate(directory) })
            if try kernel({ () throws(SysError) in try Self.isOpaque(directory, notes) }) { break }
        }
        return MergedDirectory(inner, notes)
    }

    private func hides(_ candidate: Candidate, _ name: FileName) throws(ImageError) -> Bool {
        guard let mark = FileName(whiteoutPrefix + name.bytes) else { return false }
        return try kernel { () throws(SysError) in try candidate.fd.fd.status(of: mark) != nil }
    }

    /// What files called `.wh.name` take away.
    private static func hidden(_ names: [FileName]) -> [FileName] {
        names.compactMap { $0.bytes.starts(with: whiteoutPrefix) ? FileName($0.bytes.dropFirst(whiteoutPrefix.count)) : nil }
    }

    private static func candidate(_ directory: FDBox) throws(SysError) -> Candidate {
        guard let status = try directory.fd.status() else { throw SysError(ENOENT, "stat") }
        return Candidate(fd: directory, device: status.device, inode: status.inode)
    }

    private static func isOpaque(_ directory: FDBox, _ notes: LayerNotes) throws(SysError) -> Bool {
        if try directory.fd.attribute(named: overlayOpaque) == [0x79] { return true }
        guard notes == .fuseOverlayfs else { return false }
        if try directory.fd.status(of: FileName(own: ".wh..wh..opq")) != nil { return true }
        return try directory.fd.attribute(named: "user.fuseoverlayfs.opaque") == [0x79]
    }
}
