internal import CRILog
import Glibc
internal import LinuxSys

/// Copies of a container's output for those who are attached to it: every FIFO in a directory whose name ends with `.stdout` or `.stderr`.
/// In the process that writes the log.
///
/// A FIFO gets its name when somebody reads from it. One that nobody reads from any more is removed here. A reader that takes nothing
/// holds the container up for a bounded time, and is then dropped: the log goes on.
struct AttachTees {
    private static let patience: Int32 = 10_000

    private let directory: String
    private var seen: (seconds: Int, nanoseconds: Int)?
    private var open: [String: FDBox] = [:]

    init(directory: String) { self.directory = directory }

    mutating func write(_ bytes: [UInt8], _ count: Int, of stream: LogStream) {
        refresh()
        for (name, fifo) in open where name.hasSuffix(stream == .stderr ? ".stderr" : ".stdout") {
            if !Self.write(bytes, count, to: fifo) {
                open[name] = nil
                _ = unsafe unlink("\(directory)/\(name)")
            }
        }
    }

    /// The directory's time changes whenever a name comes or goes: as long as it does not, there is nothing to look for.
    private mutating func refresh() {
        var found = stat()
        guard unsafe stat(directory, &found) == 0 else { return }
        let now = (seconds: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec)
        if let seen, seen == now { return }
        seen = now
        for name in names() where open[name] == nil && (name.hasSuffix(".stdout") || name.hasSuffix(".stderr")) {
            do throws(SysError) {
                open[name] = FDBox(try FD.open("\(directory)/\(name)", O_WRONLY | O_NONBLOCK | O_NOFOLLOW))
            } catch {
                // ENXIO: nobody reads (fifo(7)).
                if error.errno == ENXIO { _ = unsafe unlink("\(directory)/\(name)") }
            }
        }
    }

    private func names() -> [String] {
        guard let place = try? FD.open(directory, O_RDONLY | O_DIRECTORY), let names = try? place.entries() else { return [] }
        return names.map(\.description)
    }

    /// False when the reader has gone, or takes nothing.
    private static func write(_ bytes: [UInt8], _ count: Int, to fifo: FDBox) -> Bool {
        var done = 0
        while done < count {
            guard let transfer = try? fifo.fd.write(bytes, done..<count) else { return false }
            switch transfer {
            case .bytes(let written): done += written
            case .ended: return false
            case .wouldBlock:
                guard let ready = try? pollDescriptors([(fd: fifo.raw, events: Int16(POLLOUT))], milliseconds: patience),
                    ready.first.map({ $0 & Int16(POLLOUT) != 0 }) == true
                else { return false }
            }
        }
        return true
    }
}
