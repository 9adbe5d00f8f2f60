internal import CRILog
import Glibc
internal import LinuxSys

/// A log file on disk that one or two streams are written to, by a process that may wait for the disk (`LogCopier`).
///
/// Every entry is whole: what a full disk left of one is cut off again, the loss is reported once, and writing goes on
/// with what comes after. `reopen` follows a rotation.
final class LogFile {
    enum Format: Equatable {
        case cri, raw
        /// No file: what comes is only for those who are attached.
        case none
    }

    let path: String
    let format: Format
    private var file: FDBox?
    /// Reported already; cleared by the first write that works.
    private var failing = false
    private let report: (String) -> Void

    /// Opened by the first write, if not before.
    init(_ path: String, _ format: Format, report: @escaping (String) -> Void) {
        self.path = path
        self.format = format
        self.report = report
    }

    /// A FIFO or a device under this name could block for good, so only a regular file will do.
    func open() throws(SysError) {
        guard format != .none else { return }
        let opened = try FD.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, mode: 0o640)
        guard try opened.fileType() == S_IFREG else { throw SysError(EINVAL, "open log", on: path) }
        file = FDBox(opened)
    }

    /// Follows a rotation. What is wrong with it, if something is; the old file is written on then.
    func reopen() -> String? {
        do throws(SysError) {
            try open()
            return nil
        } catch { return "reopen log: \(error)" }
    }

    /// After a writer that was killed in the middle of a write: what it left of an entry goes.
    func cutTornEntry() {
        guard format == .cri, let reader = try? FD.open(path, O_RDONLY) else { return }
        let size = Int64(lseek(reader.raw, 0, SEEK_END))
        let start = max(0, size - 2 * 65_536)
        guard size > 0, let tail = try? reader.read(at: start, count: Int(size - start)), let last = tail.lastIndex(of: 0x0a) else {
            return
        }
        let torn = tail.count - last - 1
        guard torn > 0 else { return }
        do throws(SysError) {
            if file == nil { try open() }
            try file?.fd.truncateTail(torn)
        } catch { report("log \(path): \(error)") }
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, from stream: LogStream) {
        switch format {
        case .none: break
        case .raw: append(bytes, range)
        case .cri:
            var out: [UInt8] = []
            out.reserveCapacity(range.count + range.count / 4 + 64)
            LogFormatter.append(bytes, range, from: stream, at: LogTime(nanoseconds: realtimeNanoseconds()), to: &out)
            append(out, 0..<out.count)
        }
    }

    private func append(_ bytes: [UInt8], _ range: Range<Int>) {
        var out = range
        do throws(SysError) {
            if file == nil { try open() }
            guard let file else { return }
            while !out.isEmpty {
                guard case .bytes(let count) = try file.fd.write(bytes, out), count > 0 else { throw SysError(ENOSPC, "write", on: path) }
                out.removeFirst(count)
            }
            if failing { report("log \(path): output is written again") }
            failing = false
        } catch {
            let done = out.lowerBound - range.lowerBound
            if done > 0 { try? file?.fd.truncateTail(done) }
            if !failing { report("log \(path): \(error.reason); output is lost until it can be written again") }
            failing = true
        }
    }
}
