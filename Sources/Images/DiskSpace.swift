import Glibc
internal import LinuxSys

/// How full the file system of a directory is.
struct DiskSpace: Sendable {
    let total: UInt64
    /// For processes without privilege, which is what everybody else on the machine has left.
    let available: UInt64

    init(of directory: FDBox) throws(ImageError) {
        var found = statvfs()
        guard unsafe fstatvfs(directory.raw, &found) == 0 else { throw .kernel(SysError(errno, "statvfs")) }
        total = UInt64(found.f_blocks) * UInt64(found.f_frsize)
        available = UInt64(found.f_bavail) * UInt64(found.f_frsize)
    }

    var usedPercent: Int { total == 0 ? 0 : Int((Double(total - min(available, total)) / Double(total) * 100).rounded(.down)) }

    /// What nothing here writes into: the last hundredth, at most 1 GiB. A machine whose disk is full to the last block is no use to anybody.
    var reserve: UInt64 { min(total / 100, 1 << 30) }

    /// Throws ENOSPC when `bytes` more would not fit.
    func require(_ bytes: UInt64, _ operation: String, on subject: String) throws(ImageError) {
        let free = available > reserve ? available - reserve : 0
        guard total > 0, bytes > free else { return }
        throw .kernel(SysError(ENOSPC, operation, on: "\(subject), which needs at least \(bytes) bytes where \(free) are free"))
    }
}

/// Looks at the disk again and again while something is unpacked, but not for every file.
struct DiskWatch {
    private let directory: FDBox
    private let subject: String
    private var written: UInt64 = 0
    private var files = 0

    init(_ directory: FDBox, subject: String) { (self.directory, self.subject) = (directory, subject) }

    /// Throws ENOSPC when what is left is only the reserve.
    mutating func wrote(_ bytes: UInt64) throws(ImageError) {
        written += bytes
        files += 1
        guard written >= 16 << 20 || files >= 4096 else { return }
        (written, files) = (0, 0)
        try DiskSpace(of: directory).require(1, "unpack", on: subject)
    }
}

/// Bytes of the files in a tree, and how many entries it has; a file with several names counts once.
enum TreeSize {
    static func bytes(of name: FileName, in directory: FDBox) throws(ImageError) -> UInt64 {
        try kernel { () throws(SysError) in try usage(of: name, in: directory).bytes }
    }

    static func usage(of name: FileName, in directory: FDBox) throws(SysError) -> TreeUsage {
        var seen: Set<LayerWriter.FileKey> = []
        var usage = TreeUsage()
        try add(name, directory.fd, &usage, &seen, depth: 0)
        return usage
    }

    private static func add(
        _ name: FileName, _ directory: borrowing FD, _ usage: inout TreeUsage, _ seen: inout Set<LayerWriter.FileKey>, depth: Int
    ) throws(SysError) {
        guard let status = try directory.status(of: name) else { return }
        if status.links > 1, status.kind != .directory, !seen.insert(.init(device: status.device, inode: status.inode)).inserted { return }
        usage.inodes += 1
        if status.kind == .file { usage.bytes += status.size }
        // A container may nest directories as deep as it likes: what is so deep is not worth the descriptors.
        guard status.kind == .directory, depth < 512 else { return }
        let inner: FD
        do { inner = try directory.openEntry(name, O_RDONLY | O_DIRECTORY, further: .noMountCrossing) } catch {
            if error.errno == ENOENT || error.errno == EXDEV { return }
            throw error
        }
        for entry in try inner.entries() { try add(entry, inner, &usage, &seen, depth: depth + 1) }
    }
}
