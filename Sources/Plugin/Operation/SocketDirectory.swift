internal import Glibc
internal import LinuxSys
internal import TTRPCNIO

/// The directory that a socket is in: it can be entered by those who may call, and by nobody else.
enum SocketDirectory {
    static func prepare(_ path: String, _ access: SocketAccess) throws(SysError) {
        try Directory.make(path, mode: 0o700)
        if let group = access.group { try checkErrno("chown", on: path) { unsafe chown(path, .max, group) } }
        try checkErrno("chmod", on: path) { unsafe chmod(path, mode(access)) }
    }

    /// Entering is all that others may do: what is in it has modes of its own.
    static func mode(_ access: SocketAccess) -> mode_t {
        if access.mode & 0o007 != 0 { return 0o711 }
        return access.group == nil ? 0o700 : 0o710
    }
}
