import Glibc
import LinuxSys
import OCI

/// Small things about paths and files that several commands need.
enum Files {
    /// Absolute, without links; the directory must be there.
    static func absolute(_ path: String) throws(CommandError) -> String {
        try kernel { () throws(SysError) in try canonicalDirectory(path) }
    }

    static func join(_ directory: String, _ path: String) -> String { path.hasPrefix("/") ? path : "\(directory)/\(path)" }

    static func document(_ path: String) throws(CommandError) -> [UInt8] {
        try kernel { () throws(SysError) in try FD.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: SpecError.documentLimit) }
    }

    static func spec(_ bytes: [UInt8], _ path: String) throws(CommandError) -> RuntimeSpec {
        do { return try RuntimeSpec(json: bytes) } catch { throw .state(operation: "read", id: path, reason: "\(error)") }
    }

    static func json(_ bytes: [UInt8], _ path: String) throws(CommandError) -> JSON {
        do { return try JSON(parsing: bytes) } catch { throw .state(operation: "read", id: path, reason: "\(error)") }
    }

    /// A program of the host, by its path or by its name in PATH.
    static func program(_ name: String) throws(CommandError) -> String {
        if name.contains("/") { return name }
        for directory in (environmentValue("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin").split(separator: ":") {
            let path = "\(directory)/\(name)"
            if unsafe access(path, X_OK) == 0 { return path }
        }
        throw .state(operation: "run", id: name, reason: "executable file not found in PATH")
    }

    /// A file whole or not at all: a new one beside it takes its name.
    static func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SysError) {
        let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let temporary = "\(path[..<end]).\(path[end...]).\(getpid())"
        do throws(SysError) {
            try create(temporary, mode).fd.writeAll(bytes)
            guard unsafe rename(temporary, path) == 0 else { throw SysError(errno, "rename", on: path) }
        } catch {
            _ = unsafe unlink(temporary)
            throw SysError(error.errno, "write", on: path)
        }
    }

    /// What somebody of the same number left goes first.
    private static func create(_ path: String, _ mode: UInt32) throws(SysError) -> FDBox {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        do { return FDBox(try FD.open(path, flags, mode: mode)) } catch  where error.errno == EEXIST {
            _ = unsafe unlink(path)
            return FDBox(try FD.open(path, flags, mode: mode))
        }
    }

    /// The pid in decimal digits alone.
    static func writePid(_ pid: Int32, to path: String?) throws(CommandError) {
        guard let path else { return }
        try kernel { () throws(SysError) in try replace(path, with: Array("\(pid)".utf8), mode: 0o644) }
    }

    /// One message with a descriptor and a name on a stream socket (runc's docs/terminals.md).
    static func send(_ descriptor: FDBox, named name: String, to socket: String) throws(CommandError) {
        try kernel { () throws(SysError) in
            let connection = try FD.connect(to: socket)
            try connection.send(Array(name.utf8), fds: [descriptor.raw])
        }
    }
}
