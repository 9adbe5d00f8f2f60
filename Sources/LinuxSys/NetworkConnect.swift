internal import CLinux
import Glibc

extension FD {
    /// A TCP connection to `localhost:port` as it is seen inside a network namespace: 127.0.0.1, and if nobody listens there ::1.
    /// Blocks the calling thread for at most `seconds` for each. The socket is non-blocking.
    ///
    /// - Parameter namespace: path of the namespace's file; nil: this process' own.
    package static func connectLoopback(port: UInt16, in namespace: String?, seconds: Int32) throws(SysError) -> FD {
        let file = try namespace.map { path throws(SysError) in FDBox(try FD.open(path, O_RDONLY)) }
        let first = clx_connect_loopback(file?.raw ?? -1, AF_INET, port, seconds)
        if first >= 0 { return FD(owning: first) }
        let second = clx_connect_loopback(file?.raw ?? -1, AF_INET6, port, seconds)
        // What IPv4 said is the answer that people expect.
        guard second >= 0 else { throw SysError(-first, "connect", on: "localhost:\(port)") }
        return FD(owning: second)
    }
}
