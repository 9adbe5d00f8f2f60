import Glibc
internal import LinuxSys

/// Copies a directory's content by descriptors of directories, so that no link leads out of either side; what is mounted
/// below it is left out.
enum TreeCopy {
    /// Files deeper than this are not a directory that somebody meant to be copied into memory.
    private static let depth = 64

    /// `name`: for messages.
    static func copy(from place: borrowing FD, to made: borrowing FD, name: String) throws(SysError) {
        let source = try place.open(".", O_RDONLY | O_DIRECTORY, resolve: .beneath)
        let target = try made.open(".", O_RDONLY | O_DIRECTORY, resolve: .beneath)
        do {
            try fill(target, from: source, 0)
        } catch { throw SysError(error.errno, "tmpcopyup \(error.operation)", on: "\(name), \(error.subject)") }
    }

    private static func fill(_ target: borrowing FD, from source: borrowing FD, _ level: Int) throws(SysError) {
        for name in try source.entries() {
            guard level < depth else { throw SysError(ELOOP, "copy", on: name.description) }
            guard let status = try source.status(of: name) else { continue }
            switch status.kind {
            case .directory: try copyDirectory(name, status, from: source, to: target, level)
            case .file: try copyFile(name, status, from: source, to: target)
            case .symlink:
                try target.makeSymlink(name, to: source.readSymlink(name))
                try target.setOwner(of: name, uid: status.uid, gid: status.gid)
                try target.setTimes(of: name, access: status.access, modify: status.modify)
            case .characterDevice, .blockDevice, .fifo, .socket:
                try target.makeNode(name, status.kind, mode: status.mode, major: status.major, minor: status.minor)
                try target.setOwner(of: name, uid: status.uid, gid: status.gid)
                try target.setMode(of: name, status.mode)
            }
        }
    }

    private static func copyDirectory(
        _ name: FileName, _ status: FileStatus, from source: borrowing FD, to target: borrowing FD, _ level: Int
    ) throws(SysError) {
        try target.makeDirectory(name, mode: 0o700)
        let made = try target.openDirectory(name)
        let opened: FD
        do { opened = try source.openEntry(name, O_RDONLY | O_DIRECTORY, further: .noMountCrossing) } catch  where error.errno == EXDEV {
            return try made.setMode(status.mode)
        }
        try fill(made, from: opened, level + 1)
        try finish(made, status, from: opened)
    }

    private static func copyFile(
        _ name: FileName, _ status: FileStatus, from source: borrowing FD, to target: borrowing FD
    ) throws(SysError) {
        let opened: FD
        do { opened = try source.openEntry(name, O_RDONLY | O_NONBLOCK, further: .noMountCrossing) } catch  where error.errno == EXDEV {
            return
        }
        // It was a file when it was looked at.
        guard let found = try opened.status(), found.kind == .file else { return }
        let made = try target.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let count) = try opened.read(into: &buffer) { try made.writeAll(Array(buffer[..<count])) }
        try finish(made, found, from: opened)
    }

    private static func finish(_ made: borrowing FD, _ status: FileStatus, from source: borrowing FD) throws(SysError) {
        try made.setOwner(uid: status.uid, gid: status.gid)
        for attribute in try source.attributes() {
            do { try made.setAttribute(attribute) } catch  where error.errno == EOPNOTSUPP || error.errno == EPERM {
                // A memory file system does not keep every kind of attribute.
            }
        }
        // After the owner, whose change takes the set-user-id bit away.
        try made.setMode(status.mode)
        try made.setTimes(access: status.access, modify: status.modify)
    }
}
