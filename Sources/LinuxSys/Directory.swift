internal import CLinux
import Glibc

/// What fstat(2) says.
package struct FileInfo: Equatable, Sendable {
    package let mode: UInt32
    package let uid: UInt32, gid: UInt32
    /// Of a device node.
    package let major: UInt32, minor: UInt32
    package let device: UInt64, inode: UInt64

    package var kind: UInt32 { mode & 0o170000 }
    package var isDirectory: Bool { kind == 0o040000 }
    package var isRegular: Bool { kind == 0o100000 }
    package var isSymlink: Bool { kind == 0o120000 }
    package var isCharacterDevice: Bool { kind == 0o020000 }
    package var isBlockDevice: Bool { kind == 0o060000 }
    package func isSameFile(as other: FileInfo) -> Bool { device == other.device && inode == other.inode }
}

/// Calls relative to an open directory (the `*at` calls). Names are single components unless said otherwise.
extension FD {
    package func info(name: String = "") throws(SysError) -> FileInfo {
        var mode: UInt32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        var major: UInt32 = 0
        var minor: UInt32 = 0
        var device: UInt64 = 0
        var inode: UInt64 = 0
        try check(
            unsafe clx_stat(raw, &mode, &uid, &gid, &major, &minor, &device, &inode), "fstat", on: name.isEmpty ? "descriptor \(raw)" : name
        )
        return FileInfo(mode: mode, uid: uid, gid: gid, major: major, minor: minor, device: device, inode: inode)
    }

    package func makeDirectory(_ name: String, mode: UInt32) throws(SysError) {
        try checkErrno("mkdir", on: name) { unsafe mkdirat(raw, name, mode) }
    }

    package func makeSymlink(_ name: String, to target: String) throws(SysError) {
        try checkErrno("symlink", on: name) { unsafe symlinkat(target, raw, name) }
    }

    /// Where this descriptor leads to, as the kernel names it in this mount namespace (proc(5), /proc/PID/fd).
    package func path() throws(SysError) -> String { try Self.readLink("/proc/self/fd/\(raw)", below: AT_FDCWD) }

    /// The text of a symbolic link.
    package func readLink(_ name: String) throws(SysError) -> String { try Self.readLink(name, below: raw) }

    private static func readLink(_ name: String, below directory: Int32) throws(SysError) -> String {
        var text: [UInt8] = []
        try checkErrno("readlink", on: name) {
            var count = 0
            text = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { room, filled in
                count = unsafe UnsafeMutableRawBufferPointer(room).withMemoryRebound(to: CChar.self) {
                    unsafe readlinkat(directory, name, $0.baseAddress!, $0.count)
                }
                filled = max(0, count)
            }
            return count
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// mknodat(2); `mode` carries the file type.
    package func makeNode(_ name: String, mode: UInt32, major: UInt32, minor: UInt32) throws(SysError) {
        try check(unsafe clx_mknod(raw, name, mode, major, minor), "mknod", on: name)
    }

    package func remove(_ name: String) throws(SysError) { try checkErrno("unlink", on: name) { unsafe unlinkat(raw, name, 0) } }

    /// Owner of an entry, not following a link.
    package func setOwner(_ name: String, uid: UInt32, gid: UInt32) throws(SysError) {
        try checkErrno("chown", on: name) { unsafe fchownat(raw, name, uid, gid, 0x100 /* AT_SYMLINK_NOFOLLOW */) }
    }

    /// Owner of what is behind this descriptor.
    package func setOwner(uid: UInt32, gid: UInt32, name: String) throws(SysError) {
        try checkErrno("fchown", on: name) { fchown(raw, uid, gid) }
    }

    package func makeCurrentDirectory(name: String) throws(SysError) { try checkErrno("chdir", on: name) { fchdir(raw) } }
}

extension FD {
    /// A descriptor of one's own for the open file that was lent as a number.
    package static func copy(of raw: Int32) throws(SysError) -> FD {
        FD(owning: try checkErrno("dup", on: "descriptor \(raw)") { fcntl(raw, F_DUPFD_CLOEXEC, 3) })
    }
}

/// The working directory as the kernel names it; `(unreachable)…` when it is outside the root.
package func currentDirectory() throws(SysError) -> String {
    var count = 0
    // The bare call: glibc's getcwd walks up with `..` when the kernel says that the place is unreachable.
    let text = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { room, filled in
        count = unsafe clx_getcwd(room.baseAddress, room.count)
        filled = max(0, count - 1)
    }
    try check(count, "getcwd")
    return String(decoding: text, as: UTF8.self)
}

/// The path of a directory without links in it, which must be there.
package func canonicalDirectory(_ path: String) throws(SysError) -> String {
    if path == ".", let here = try? currentDirectory(), here.hasPrefix("/") { return here }
    let parts = pathParts(path)
    // Nearly always there is none on the way: then its name need not be asked for.
    if path.hasPrefix("/"), !parts.contains(".."), let _ = try? FD.open(path, openPathOnly | O_DIRECTORY, resolve: .noSymlinks) {
        return parts.isEmpty ? "/" : rootedPath(parts)
    }
    return try FD.open(path, openPathOnly | O_DIRECTORY).path()
}
