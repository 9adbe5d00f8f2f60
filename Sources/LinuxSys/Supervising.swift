internal import CLinux
import Glibc

extension FD {
    /// This descriptor is a pty master (or slave): sets the size of its window.
    package func setWindowSize(rows: UInt16, columns: UInt16) throws(SysError) {
        try check(clx_set_window(raw, rows, columns), "ioctl TIOCSWINSZ", on: "descriptor \(raw)")
    }

    /// Bytes that wait to be read (FIONREAD).
    package func bytesWaiting() throws(SysError) -> Int {
        Int(try check(clx_bytes_waiting(raw), "ioctl FIONREAD", on: "descriptor \(raw)"))
    }

    /// Moves up to `count` bytes between two descriptors of which one is a pipe, without copying them here (splice(2), non-blocking).
    package func splice(to sink: borrowing FD, count: Int) throws(SysError) -> Transfer {
        while true {
            let moved = clx_splice(raw, sink.raw, count, 0x02 /* SPLICE_F_NONBLOCK */ | 0x01 /* SPLICE_F_MOVE */)
            switch moved {
            case 0: return .ended
            case -EINTR: continue
            case -EAGAIN: return .wouldBlock
            default: return .bytes(Int(try check(moved, "splice", on: "descriptor \(raw)")))
            }
        }
    }

    /// Asks for a pipe of `size` bytes; one that the kernel does not give stays as it is (F_SETPIPE_SZ, fcntl(2)).
    package func enlargePipe(to size: Int) { _ = fcntl(raw, 1031 /* F_SETPIPE_SZ */, Int32(size)) }

    /// Whether a write would take something, or fail, at once.
    package func hasRoom() throws(SysError) -> Bool {
        var wanted = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
        return try checkErrno("poll", on: "descriptor \(raw)") { unsafe poll(&wanted, 1, 0) } > 0
    }

    /// The S_IFMT bits of fstat(2).
    package func fileType() throws(SysError) -> UInt32 {
        let raw = raw
        var found = stat()
        try checkErrno("fstat", on: "descriptor \(raw)") { unsafe fstat(raw, &found) }
        return found.st_mode & S_IFMT
    }

    /// Cuts the last `count` bytes of a regular file that this descriptor has just appended to.
    package func truncateTail(_ count: Int) throws(SysError) {
        let raw = raw
        let end = Int(try length())
        try checkErrno("ftruncate", on: "descriptor \(raw)") { ftruncate(raw, max(0, end - count)) }
    }

    /// Bytes of a regular file. The place of the next read or write is its end then.
    package func length() throws(SysError) -> Int64 { Int64(try checkErrno("lseek", on: "descriptor \(raw)") { lseek(raw, 0, SEEK_END) }) }

    /// Waits for this descriptor to be readable (a pidfd: for the process to end). False when the time is over first.
    package func waitReadable(milliseconds: Int32) throws(SysError) -> Bool {
        var wanted = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        return try checkErrno("poll", on: "descriptor \(raw)") { unsafe poll(&wanted, 1, milliseconds) } > 0
    }
}

/// Processors that this process may run on (sched_getaffinity(2)); one if the kernel does not say.
package func usableProcessors() -> Int { Int(clx_usable_processors()) }

/// Ignores a signal from now on.
package func ignoreSignal(_ signal: Int32) throws(SysError) { try check(clx_ignore_signal(signal), "sigaction", on: "signal \(signal)") }

/// Gives free pages of the heap back to the system (malloc_trim(3)).
package func trimHeap() { clx_trim_heap() }

/// For a command that ends soon: the heap grows in large steps and gives nothing back (mallopt(3)).
package func keepHeap() { clx_keep_heap() }

/// For a command through which large buffers stream: what one gives back the next one gets, with its pages (mallopt(3)).
package func keepBlocks() { clx_keep_blocks() }

/// Lets go of the pages of this program's code that were touched so far (madvise(2), MADV_DONTNEED): what a process that now waits
/// for months needed once does not count as its own for ever. What it needs again comes from the page cache.
package func releaseCode() { _ = clx_release_code() }

/// Gives back the pages of the main thread's stack that deeper calls used and none in progress does. For the main thread alone.
package func releaseStack() { clx_release_stack() }

/// Puts `bytes` at `path` whole or not at all, and durably: a new file beside it, fsync, rename, fsync of the directory.
package func replaceFile(at path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(SysError) {
    let temporary = "\(path).new"
    let file = try FD.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    do throws(SysError) {
        try file.writeAll(bytes)
        try checkErrno("fsync", on: temporary) { fsync(file.raw) }
        try checkErrno("rename", on: path) { unsafe rename(temporary, path) }
    } catch {
        _ = unsafe unlink(temporary)
        throw error
    }
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let directory = try FD.open(parent, O_RDONLY | O_DIRECTORY)
    try checkErrno("fsync", on: parent) { fsync(directory.raw) }
}

/// When a process was born, in clock ticks after boot (proc_pid_stat(5), field 22): with the pid it names one process for good.
/// Nil when there is no such process.
package func processStartTime(_ pid: Int32) -> UInt64? {
    guard let file = try? FD.open("/proc/\(pid)/stat", O_RDONLY), let bytes = try? file.readAll(limit: 4096) else { return nil }
    // The name in parentheses may hold anything; the last parenthesis ends it.
    guard let close = bytes.lastIndex(of: UInt8(ascii: ")")), close + 2 < bytes.count, bytes[close + 2] != UInt8(ascii: "Z") else {
        return nil
    }
    // ` R 1 2…`: the third field stands behind the space.
    var at = close + 2
    for _ in 3..<22 { _ = bytes.word(&at, upTo: bytes.count, UInt8(ascii: " ")) }
    let birth = bytes.word(&at, upTo: bytes.count, UInt8(ascii: " "))
    return at > birth.upperBound ? UInt64(String(decoding: bytes[birth], as: UTF8.self)) : nil
}

/// Closes every descriptor from `first` on: what a caller has let slip through is not kept by a process that stays.
package func closeDescriptors(from first: UInt32) throws(SysError) { try check(clx_close_range(first, .max, 0), "close_range") }

extension FD {
    /// The pipe to the process that was called with the verb `start` of the shim, and waits for one byte. Nil when this is that process
    /// itself. To be called once.
    package static func toCaller() -> FD? {
        let number = clx_word_to_caller()
        return number < 0 ? nil : FD(owning: number)
    }
}
