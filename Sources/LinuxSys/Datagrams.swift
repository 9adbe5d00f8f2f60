internal import CLinux

/// Unix sockets of datagrams, as sd_notify(3) uses them.
extension FD {
    /// Bound to `path` (at most 107 bytes), non-blocking, anybody may write to it.
    package static func listenForDatagrams(at path: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_datagram_bind(path), "bind", on: path))
    }

    /// Connected to `path`; `@` as the first character is an abstract name.
    package static func connectForDatagrams(to path: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_datagram_connect(path), "connect", on: path))
    }
}
