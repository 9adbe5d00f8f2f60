internal import CRILog
import Glibc
internal import LinuxSys

/// A log file on disk that one or two streams are written to. Regular files are always ready, so writes go straight through.
///
/// Every entry is whole: what a full disk left of one is cut off again, the loss is reported once, and writing goes on
/// with what comes after. `reopen` follows a rotation.
final class LogFile {
    enum Format: Equatable { case cri, raw }

    let path: String
    let format: Format
    private var file: FDBox
    /// Reported already; cleared by the first write that works.
    private var failing = false
    private let report: (String) -> Void

    init(path: String, format: Format, report: @escaping (String) -> Void) throws(SysError) {
        self.path = path
        self.format = format
        self.report = report
        file = FDBox(try Self.open(path))
    }

    /// A FIFO or a device under this name could block, so only a regular file will do.
    private static func open(_ path: String) throws(SysError) -> FD {
        let file = try FD.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, mode: 0o640)
        guard try file.fileType() == S_IFREG else { throw SysError(EINVAL, "open log", on: path) }
        return file
    }

    func reopen() {
        do throws(SysError) {
            file = FDBox(try Self.open(path))
        } catch {
            report("reopen: \(error)")
        }
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, from stream: LogStream) {
        var out: [UInt8] = []
        switch format {
        case .raw: out = Array(bytes[range])
        case .cri:
            out.reserveCapacity(range.count + 64)
            LogFormatter.append(bytes, range, from: stream, at: LogTime(nanoseconds: realtimeNanoseconds()), to: &out)
        }
        append(out)
    }

    private func append(_ out: [UInt8]) {
        var done = 0
        do throws(SysError) {
            while done < out.count {
                guard case .bytes(let count) = try file.fd.write(out, from: done), count > 0 else {
                    throw SysError(ENOSPC, "write", on: path)
                }
                done += count
            }
            failing = false
        } catch {
            if done > 0 { try? file.fd.truncateTail(done) }
            if !failing { report("log \(path): \(error.reason); output is lost until it can be written again") }
            failing = true
        }
    }
}
