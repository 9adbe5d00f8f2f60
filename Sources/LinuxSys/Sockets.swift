internal import CLinux
import Glibc

/// Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)).
package struct PeerCredentials: Equatable, Sendable {
    package let pid: Int32, uid: UInt32, gid: UInt32
}

/// Two descriptors that belong together.
package struct FDPair: ~Copyable {
    package let first: FD, second: FD

    /// Takes the pair apart.
    package consuming func take<R: ~Copyable>(_ body: (consuming FD, consuming FD) -> R) -> R { body(first, second) }
}

extension FD {
    /// Two connected ends that keep record boundaries (SOCK_SEQPACKET), close-on-exec, blocking.
    package static func recordPair() throws(SysError) -> FDPair {
        var ends: (Int32, Int32) = (-1, -1)
        try checkErrno("socketpair") {
            unsafe withUnsafeMutableBytes(of: &ends) {
                unsafe socketpair(
                    AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, $0.bindMemory(to: Int32.self).baseAddress)
            }
        }
        return FDPair(first: FD(owning: ends.0), second: FD(owning: ends.1))
    }

    /// A pipe: `first` is read from, `second` is written to; close-on-exec, blocking.
    package static func pipe() throws(SysError) -> FDPair {
        var ends: (Int32, Int32) = (-1, -1)
        try check(unsafe clx_pipe(&ends.0, &ends.1), "pipe")
        return FDPair(first: FD(owning: ends.0), second: FD(owning: ends.1))
    }

    /// Sends one record with copies of `fds`. False when the socket is full (non-blocking).
    @discardableResult
    package func send(_ record: [UInt8], fds: [Int32] = []) throws(SysError) -> Bool {
        try unsafe fds.withUnsafeBufferPointer { (numbers) throws(SysError) in try unsafe send(record, numbers) }
    }

    /// The same, of descriptors that are objects already.
    @discardableResult
    package func send(_ record: [UInt8], lending boxes: [FDBox]) throws(SysError) -> Bool {
        try unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(1, boxes.count)) { (numbers) throws(SysError) in
            for place in boxes.indices { unsafe numbers.initializeElement(at: place, to: boxes[place].raw) }
            defer { withExtendedLifetime(boxes) {} }
            return try unsafe send(record, UnsafeBufferPointer(rebasing: numbers[..<boxes.count]))
        }
    }

    private func send(_ record: [UInt8], _ numbers: UnsafeBufferPointer<Int32>) throws(SysError) -> Bool {
        while true {
            let result = unsafe record.withUnsafeBytes { bytes in
                unsafe clx_send_fds(raw, bytes.baseAddress, bytes.count, numbers.baseAddress, Int32(numbers.count), 0)
            }
            if result == -Int(EINTR) { continue }
            if result == -Int(EAGAIN) { return false }
            try check(result, "sendmsg")
            return true
        }
    }

    /// Receives one record of at most `limit` bytes. Nil at the end; throws EAGAIN when nothing is there (non-blocking).
    package func receive(limit: Int = 65_536) throws(SysError) -> (bytes: [UInt8], fds: [FDBox])? {
        while true {
            var result = 0
            var fds: [FDBox] = []
            // Not zeroed: of a page that nothing is written to, the kernel has none to give.
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { room, filled in
                unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 32) { numbers in
                    var count = Int32(numbers.count)
                    result = unsafe clx_receive_fds(raw, room.baseAddress, limit, numbers.baseAddress, &count, 0)
                    for place in 0..<Int(count) { fds.append(FDBox(FD(owning: unsafe numbers[place]))) }
                }
                filled = max(0, result)
            }
            // ECONNRESET: the other end was closed before it had read all; told once, and what it had sent is there still.
            if result == -Int(EINTR) || result == -Int(ECONNRESET) { continue }
            let got = try check(result, "recvmsg")
            if got == 0 && fds.isEmpty { return nil }
            return (bytes, fds)
        }
    }

    package func peerCredentials() throws(SysError) -> PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        try check(unsafe clx_peer_credentials(raw, &pid, &uid, &gid), "getsockopt SO_PEERCRED")
        return PeerCredentials(pid: pid, uid: uid, gid: gid)
    }

    /// A stream socket bound to `path` with mode 0600 and listening; non-blocking. The caller removes the path.
    package static func listen(at path: String, backlog: Int32 = 128) throws(SysError) -> FD {
        let fd = try unixSocket()
        try unsafe withAddress(path, "bind") { unsafe Glibc.bind(fd.raw, $0, $1) }
        // Between bind and chmod only the directory's mode (0700) guards it; nothing listens yet.
        try checkErrno("chmod", on: path) { unsafe chmod(path, 0o600) }
        try checkErrno("listen", on: path) { Glibc.listen(fd.raw, backlog) }
        return fd
    }

    /// A stream socket connected to `path`; non-blocking afterwards. (A Unix connect does not wait unless the backlog is full.)
    package static func connect(to path: String) throws(SysError) -> FD {
        let fd = try unixSocket()
        try unsafe withAddress(path, "connect") { unsafe Glibc.connect(fd.raw, $0, $1) }
        return fd
    }

    /// Accepts one connection, non-blocking and close-on-exec; nil when none waits.
    package func accept() throws(SysError) -> FD? {
        while true {
            let fd = clx_accept(raw)
            switch -fd {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return nil
            default: return FD(owning: try check(fd, "accept"))
            }
        }
    }

    private static func unixSocket() throws(SysError) -> FD {
        FD(
            owning: try checkErrno("socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            })
    }

    private static func withAddress(
        _ path: String, _ operation: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SysError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < room else { throw SysError(ENAMETOOLONG, operation, on: path) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        try checkErrno(operation, on: path) {
            unsafe withUnsafePointer(to: address) { unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, size) } }
        }
    }
}
