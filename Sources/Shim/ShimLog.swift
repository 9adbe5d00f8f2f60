internal import CRILog
import Glibc
internal import LinuxSys

/// The shim's own log: lines of `key=value` into the orchestrator's FIFO `log` in the bundle, or into a file `shim.log` beside it when
/// there is no FIFO. A line that finds no room is dropped; logging never waits.
final class ShimLog {
    private let output: FDBox?
    private let id: String
    let isVerbose: Bool

    init(bundle: String, id: String, isVerbose: Bool) {
        self.id = id
        self.isVerbose = isVerbose
        output = Self.open("\(bundle)/log") ?? Self.openFile("\(bundle)/shim.log")
    }

    /// Read-write, so that a reader that is not there yet, or comes back later, makes no difference (fifo(7)).
    private static func open(_ path: String) -> FDBox? {
        guard let fd = try? FD.open(path, O_RDWR | O_NONBLOCK), let type = try? fd.fileType(), type == S_IFIFO else { return nil }
        return FDBox(fd)
    }

    private static func openFile(_ path: String) -> FDBox? {
        guard let fd = try? FD.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600) else { return nil }
        return FDBox(fd)
    }

    func warning(_ message: String) { write("warning", message) }
    func info(_ message: String) { write("info", message) }
    func debug(_ message: @autoclosure () -> String) { if isVerbose { write("debug", message()) } }

    /// `took`: nanoseconds.
    func info(_ message: String, took: UInt64) { write("info", message, took) }
    func debug(_ message: @autoclosure () -> String, took: UInt64) { if isVerbose { write("debug", message(), took) } }

    private func write(_ level: String, _ message: String, _ took: UInt64? = nil) {
        guard let output else { return }
        let time = LogTime(nanoseconds: realtimeNanoseconds()).description
        let duration = took.map { " duration=\(Self.milliseconds($0))" } ?? ""
        let line =
            "time=\"\(time)\" level=\(level) msg=\(Self.quoted(message)) id=\(Self.quoted(id))\(duration) runtime=io.containerd.swiftlet.v2\n"
        _ = try? output.fd.write(Array(line.utf8))
    }

    /// `12.345ms`, as Go's durations are written.
    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let fraction = String(nanoseconds / 1000 % 1000)
        return "\(nanoseconds / 1_000_000).\(String(repeating: "0", count: 3 - fraction.utf8.count))\(fraction)ms"
    }

    /// One line whatever the message holds.
    private static func quoted(_ text: String) -> String {
        var out: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7f: out.append(UInt8(ascii: " "))
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
        return String(decoding: out, as: UTF8.self)
    }
}
