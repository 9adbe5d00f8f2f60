import Glibc
internal import LinuxSys

/// Where another runtime sends the master of a container's terminal (`--console-socket`, runc's docs/terminals.md): in a directory that is
/// root's alone.
final class ConsoleSocket {
    static let directory = "/run/swiftlet/consoles"
    let path: String
    private let listener: FDBox

    init() throws(SysError) {
        try makeDirectoryIfMissing("/run/swiftlet", mode: 0o700)
        try makeDirectoryIfMissing(Self.directory, mode: 0o700)
        path = "\(Self.directory)/\(getpid())"
        // Of an executor that had this pid and was killed.
        removeFile(path)
        listener = FDBox(try FD.listen(at: path))
    }

    deinit { removeFile(path) }

    /// To be called when the runtime has ended: what it sent waits here.
    func receiveMaster() throws(SysError) -> FDBox {
        guard let connection = try listener.fd.accept(), let message = try connection.receive(limit: 4096), let master = message.fds.first
        else { throw SysError(ENOMSG, "receive the terminal", on: path) }
        return master
    }
}
