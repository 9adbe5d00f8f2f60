internal import CLinux
import Glibc

/// A descriptor with one owner, closed when the owner goes.
///
/// Outside LinuxSys a raw number is only ever lent (`raw`) for the time of a call, or given up (`release`).
/// A dictionary cannot hold it: wrap it in a final class there (`FDBox`).
package struct FD: ~Copyable, Sendable {
    package let raw: Int32

    package init(owning raw: Int32) {
        precondition(raw >= 0, "a descriptor is not negative")
        self.raw = raw
    }

    deinit { _ = Glibc.close(raw) }

    /// Gives the number up without closing it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    /// Closes and reports what the kernel says (deferred write errors on close).
    package consuming func close() throws(SysError) {
        let raw = release()
        guard Glibc.close(raw) == 0 else { throw SysError(Glibc.errno, "close", on: "descriptor \(raw)") }
    }

    /// A second descriptor for the same open file, close-on-exec.
    package func duplicate() throws(SysError) -> FD {
        FD(owning: try checkErrno("dup", on: "descriptor \(raw)") { fcntl(raw, F_DUPFD_CLOEXEC, 3) })
    }

    /// The same at a number of at least `lowest`.
    package func duplicate(from lowest: Int32) throws(SysError) -> FD {
        FD(owning: try checkErrno("dup", on: "descriptor \(raw)") { fcntl(raw, F_DUPFD_CLOEXEC, lowest) })
    }

    /// Puts this open file at `number` (without close-on-exec), as a program to be executed expects it.
    package func place(at number: Int32) throws(SysError) {
        if number == raw {
            try checkErrno("fcntl", on: "descriptor \(raw)") { fcntl(raw, F_SETFD, 0) }
        } else {
            try checkErrno("dup2", on: "descriptor \(raw)") { dup2(raw, number) }
        }
    }

    package func setNonBlocking(_ on: Bool) throws(SysError) {
        let flags = try checkErrno("fcntl", on: "descriptor \(raw)") { fcntl(raw, F_GETFL) }
        try checkErrno("fcntl", on: "descriptor \(raw)") { fcntl(raw, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
    }
}

/// An `FD` where a copyable reference is needed (collections, closures).
package final class FDBox: Sendable {
    package let fd: FD
    package init(_ fd: consuming FD) { self.fd = fd }
    package var raw: Int32 { fd.raw }
}

/// What a non-blocking read or write came to.
package enum Transfer: Equatable, Sendable {
    case bytes(Int)
    /// Read: the end of the stream. Never for a write.
    case ended
    /// EAGAIN: wait for readiness.
    case wouldBlock
}

extension FD {
    /// Reads once into `buffer` (whole capacity).
    package func read(into buffer: inout [UInt8]) throws(SysError) -> Transfer {
        let raw = raw
        return try Self.transfer("read", raw) {
            unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(raw, $0.baseAddress, $0.count) }
        }
    }

    /// Reads once, up to `count` bytes, into room that is not zeroed first.
    package func read(atMost count: Int) throws(SysError) -> (Transfer, [UInt8]) {
        let raw = raw
        var transfer = Transfer.wouldBlock
        let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: count) { (room, filled) throws(SysError) in
            transfer = try Self.transfer("read", raw) { unsafe Glibc.read(raw, room.baseAddress, count) }
            if case .bytes(let got) = transfer { filled = got }
        }
        return (transfer, bytes)
    }

    /// Writes once from `bytes`, starting at `offset`.
    package func write(_ bytes: [UInt8], from offset: Int = 0) throws(SysError) -> Transfer {
        let raw = raw
        let result = try Self.transfer("write", raw) {
            unsafe bytes.withUnsafeBytes { unsafe Glibc.write(raw, $0.baseAddress.map { unsafe $0 + offset }, $0.count - offset) }
        }
        return result == .ended ? .bytes(0) : result
    }

    /// Writes once from `bytes[range]`.
    package func write(_ bytes: [UInt8], _ range: Range<Int>) throws(SysError) -> Transfer {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range is inside the bytes")
        let raw = raw
        let result = try Self.transfer("write", raw) {
            unsafe bytes.withUnsafeBytes { unsafe Glibc.write(raw, $0.baseAddress.map { unsafe $0 + range.lowerBound }, range.count) }
        }
        return result == .ended ? .bytes(0) : result
    }

    /// Writes everything, on a blocking descriptor.
    package func writeAll(_ bytes: [UInt8]) throws(SysError) {
        var done = 0
        while done < bytes.count {
            guard case .bytes(let count) = try write(bytes, from: done) else { throw SysError(EAGAIN, "write", on: "descriptor \(raw)") }
            done += count
        }
    }

    /// Reads to the end, on a blocking descriptor. Throws EFBIG past `limit` bytes.
    package func readAll(limit: Int) throws(SysError) -> [UInt8] {
        var result: [UInt8] = []
        while true {
            let part = try readPart()
            if part.isEmpty { return result }
            guard result.count + part.count <= limit else { throw SysError(EFBIG, "read", on: "descriptor \(raw)") }
            if result.isEmpty { result = part } else { result += part }
        }
    }

    /// Up to 16 KiB, which are not zeroed first; none at the end.
    private func readPart() throws(SysError) -> [UInt8] {
        while true {
            var (count, code) = (0, Int32(0))
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { room, filled in
                count = unsafe Glibc.read(raw, room.baseAddress, 16_384)
                code = Glibc.errno
                filled = max(0, count)
            }
            if count >= 0 { return part }
            if code == EAGAIN { return [] }
            guard code == EINTR else { throw SysError(code, "read", on: "descriptor \(raw)") }
        }
    }

    static func transfer(_ operation: String, _ raw: Int32, _ call: () -> Int) throws(SysError) -> Transfer {
        while true {
            let count = call()
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended }
            switch Glibc.errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: throw SysError(code, operation, on: "descriptor \(raw)")
            }
        }
    }
}
