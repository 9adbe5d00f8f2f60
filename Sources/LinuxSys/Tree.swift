internal import CLinux
import Glibc

/// The entry of a directory that a call is about. `nil` in its place means the open file itself.
private let itself: [UInt8] = [0]

/// Calls on entries of this directory (or, without a name, on this open file). None follows a symbolic link.
extension FD {
    /// Nil when there is no such entry.
    package func status(of name: FileName? = nil) throws(SysError) -> FileStatus? {
        var found = clx_status()
        let result = unsafe clx_status(raw, name?.terminated ?? itself, &found)
        if result == -ENOENT { return nil }
        try check(result, "stat", on: name?.description ?? "")
        let kind: FileStatus.Kind =
            switch found.mode & 0o170000 {
            case 0o040000: .directory
            case 0o120000: .symlink
            case 0o020000: .characterDevice
            case 0o060000: .blockDevice
            case 0o010000: .fifo
            case 0o140000: .socket
            default: .file
            }
        return FileStatus(
            kind: kind, mode: found.mode & 0o7777, uid: found.uid, gid: found.gid, size: found.size, inode: found.inode,
            device: found.device,
            links: found.links, major: found.major, minor: found.minor,
            access: FileTime(seconds: found.access_s, nanoseconds: found.access_ns),
            modify: FileTime(seconds: found.modify_s, nanoseconds: found.modify_ns))
    }

    /// Opens the entry; a symbolic link in its place is refused (ELOOP).
    package func openEntry(_ name: FileName, _ flags: Int32, mode: UInt32 = 0, further: Resolve = []) throws(SysError) -> FD {
        let resolve = further.union([.beneath, .noSymlinks, .noMagicLinks])
        let wanted = UInt64(UInt32(bitPattern: flags | O_NOFOLLOW))
        while true {
            let result = unsafe clx_open_name(raw, name.terminated, wanted, UInt64(mode), resolve.rawValue)
            if result == -EAGAIN || result == -EINTR { continue }
            return FD(owning: try check(result, "open", on: name.description))
        }
    }

    /// Opens the directory of that name for reading.
    package func openDirectory(_ name: FileName) throws(SysError) -> FD { try openEntry(name, O_RDONLY | O_DIRECTORY) }

    package func makeDirectory(_ name: FileName, mode: UInt32) throws(SysError) {
        try check(unsafe clx_mkdir_name(raw, name.terminated, mode), "mkdir", on: name.description)
    }

    /// A device or fifo: `kind` says which. Its mode is set apart from the umask by `setMode`.
    package func makeNode(_ name: FileName, _ kind: FileStatus.Kind, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0) throws(SysError) {
        let type: UInt32 =
            switch kind {
            case .characterDevice: 0o020000
            case .blockDevice: 0o060000
            case .fifo: 0o010000
            case .socket: 0o140000
            default: 0o100000
            }
        try check(unsafe clx_mknod_name(raw, name.terminated, type | mode, major, minor), "mknod", on: name.description)
    }

    /// `target` may be any bytes without a zero.
    package func makeSymlink(_ name: FileName, to target: [UInt8]) throws(SysError) {
        try check(unsafe clx_symlink_name(target + [0], raw, name.terminated), "symlink", on: name.description)
    }

    package func readSymlink(_ name: FileName) throws(SysError) -> [UInt8] {
        var target = [UInt8](repeating: 0, count: 4096)
        let count = try check(unsafe clx_readlink_name(raw, name.terminated, &target, target.count), "readlink", on: name.description)
        return Array(target[..<count])
    }

    /// A second name for `name` in `directory`.
    package func makeLink(_ name: FileName, in directory: borrowing FD, to newName: FileName) throws(SysError) {
        try check(unsafe clx_link_name(raw, name.terminated, directory.raw, newName.terminated), "link", on: newName.description)
    }

    /// False when there was nothing.
    @discardableResult
    package func removeEntry(_ name: FileName, isDirectory: Bool) throws(SysError) -> Bool {
        let result = unsafe clx_unlink_name(raw, name.terminated, isDirectory ? 1 : 0)
        if result == -ENOENT { return false }
        try check(result, isDirectory ? "rmdir" : "unlink", on: name.description)
        return true
    }

    /// Moves `name` to `newName` in `directory`; fails with EEXIST when that is there and `replacing` is false.
    package func rename(_ name: FileName, in directory: borrowing FD, to newName: FileName, replacing: Bool) throws(SysError) {
        let flags: UInt32 = replacing ? 0 : 1  // RENAME_NOREPLACE
        try check(unsafe clx_rename_name(raw, name.terminated, directory.raw, newName.terminated, flags), "rename", on: newName.description)
    }

    package func setOwner(of name: FileName? = nil, uid: UInt32, gid: UInt32) throws(SysError) {
        try check(unsafe clx_chown_name(raw, name?.terminated ?? itself, uid, gid), "chown", on: name?.description ?? "")
    }

    package func setMode(of name: FileName? = nil, _ mode: UInt32) throws(SysError) {
        try check(unsafe clx_chmod_name(raw, name?.terminated ?? itself, mode), "chmod", on: name?.description ?? "")
    }

    package func setTimes(of name: FileName? = nil, access: FileTime, modify: FileTime) throws(SysError) {
        let result = unsafe clx_times_name(
            raw, name?.terminated ?? itself, access.seconds, access.nanoseconds, modify.seconds, modify.nanoseconds)
        try check(result, "utimensat", on: name?.description ?? "")
    }

    /// All names but `.` and `..`, from the start, in the kernel's order.
    package func entries() throws(SysError) -> [FileName] {
        let again = try open(".", O_RDONLY | O_DIRECTORY, resolve: [.beneath])
        var names: [FileName] = []
        var records = [UInt8](repeating: 0, count: 32_768)
        while true {
            let count = try check(unsafe clx_read_directory(again.raw, &records, records.count), "getdents64")
            if count == 0 { return names }
            // linux_dirent64: inode 8 bytes, offset 8, record length 2, type 1, name.
            var at = 0
            while at + 19 <= count {
                let length = Int(records[at + 16]) | Int(records[at + 17]) << 8
                guard length >= 19, at + length <= count else { throw SysError(EIO, "getdents64") }
                if let name = FileName(records[(at + 19)..<(at + length)].prefix { $0 != 0 }) { names.append(name) }
                at += length
            }
        }
    }
}
