internal import CLinux
import Glibc

extension FD {
    /// Whether the peer of this Unix socket has read everything that was sent to it.
    package func isReadByPeer() throws(SysError) -> Bool {
        try check(clx_bytes_unread(raw), "ioctl SIOCOUTQ", on: "descriptor \(raw)") == 0
    }

    /// Sends once on a stream socket, from `offset` on; a peer that is gone is EPIPE, never SIGPIPE (MSG_NOSIGNAL, send(2)).
    package func sendSome(_ bytes: [UInt8], from offset: Int = 0) throws(SysError) -> Transfer {
        while true {
            let count = unsafe bytes.withUnsafeBytes {
                let start = unsafe $0.baseAddress.map { unsafe $0 + offset }
                return unsafe Glibc.send(raw, start, $0.count - offset, Int32(truncatingIfNeeded: MSG_NOSIGNAL))
            }
            if count >= 0 { return .bytes(count) }
            switch Glibc.errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: throw SysError(code, "send", on: "descriptor \(raw)")
            }
        }
    }
}

/// The user id that this process acts with.
package func effectiveUserID() -> UInt32 { geteuid() }
