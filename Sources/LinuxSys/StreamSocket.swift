internal import CLinux
import Glibc

extension FD {
    /// Whether the peer of this Unix socket has read everything that was sent to it.
    package func isReadByPeer() throws(SysError) -> Bool {
        try check(clx_bytes_unread(raw), "ioctl SIOCOUTQ", on: "descriptor \(raw)") == 0
    }

    /// Receives once from a stream socket without waiting, at most `count` bytes, and lends them to `take` (recv(2)).
    package func receiveSome(atMost count: Int, _ take: (Span<UInt8>) -> Void) throws(SysError) -> Transfer {
        let raw = raw
        return try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { (room) throws(SysError) in
            let transfer = try Self.transfer("recv", raw) {
                unsafe Glibc.recv(raw, room.baseAddress, count, Int32(truncatingIfNeeded: MSG_DONTWAIT))
            }
            if case .bytes(let got) = transfer { unsafe take(Span(_unsafeElements: UnsafeBufferPointer(rebasing: room[..<got]))) }
            return transfer
        }
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
