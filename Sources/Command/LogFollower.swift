internal import CRILog
internal import Glibc
internal import LinuxSys

/// Reads a container's log (CRI format) from an offset on and hands out its entries, following it while it grows.
/// Blocks: it runs on a thread of its own. A file that was rotated away is read to its end before the new one is begun.
final class LogFollower: Sendable {
    private let path: String
    private let offset: Int64
    private let watch: FileWatch

    init(path: String, from offset: Int64 = 0) throws(SysError) {
        self.path = path
        self.offset = offset
        watch = try FileWatch()
    }

    /// No more will be written: what is there is still read, then `follow` returns.
    func finish() { watch.stop() }

    /// Hands out entries until `finish`, or until `sink` returns false (nobody reads what it prints).
    func follow(_ sink: ([LogEntry]) -> Bool) throws(SysError) {
        var from = offset
        while true {
            guard let file = try openWhenThere() else { return }
            if from > 0 { lseek(file.raw, Int(from), SEEK_SET) }
            from = 0
            guard try follow(file, sink) == .replaced else { return }
        }
    }

    /// What is there now, without waiting for more.
    static func read(_ path: String, from offset: Int64, _ sink: ([LogEntry]) -> Bool) throws(SysError) {
        let file = try FD.open(path, O_RDONLY)
        lseek(file.raw, Int(offset), SEEK_SET)
        var reader = LogReader()
        _ = try drain(file, &reader, sink)
    }

    private enum Ending { case finished, replaced }

    private func follow(_ file: borrowing FD, _ sink: ([LogEntry]) -> Bool) throws(SysError) -> Ending {
        var reader = LogReader()
        try? watch.add(path)
        var stopped = false
        while true {
            // Asked before the file is read: what was written before the stop is read after it.
            let replaced = isReplaced(file)
            guard try Self.drain(file, &reader, sink) else { return .finished }
            if replaced { return .replaced }
            if stopped { return .finished }
            stopped = try watch.wait(milliseconds: 1000)
        }
    }

    private static func drain(_ file: borrowing FD, _ reader: inout LogReader, _ sink: ([LogEntry]) -> Bool) throws(SysError) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let count) = try file.read(into: &buffer) {
            let entries = reader.feed(buffer[..<count])
            if !entries.isEmpty, !sink(entries) { return false }
        }
        return true
    }

    private func openWhenThere() throws(SysError) -> FD? {
        while true {
            do {
                return try FD.open(path, O_RDONLY)
            } catch  where error.errno == ENOENT {
                if try watch.wait(milliseconds: 20) { return try? FD.open(path, O_RDONLY) }
            }
        }
    }

    private func isReplaced(_ file: borrowing FD) -> Bool {
        var mine = stat()
        var current = stat()
        guard unsafe fstat(file.raw, &mine) == 0, unsafe stat(path, &current) == 0 else { return false }
        return mine.st_ino != current.st_ino || mine.st_dev != current.st_dev
    }
}

extension LogEntry {
    /// Prints what the container wrote, on the stream it wrote it to.
    static func print(_ entries: [LogEntry]) -> Bool {
        var stream = LogStream.stdout
        var bytes: [UInt8] = []
        for entry in entries {
            if entry.stream != stream {
                guard flush(&bytes, stream) else { return false }
                stream = entry.stream
            }
            bytes += entry.output
        }
        return flush(&bytes, stream)
    }

    private static func flush(_ bytes: inout [UInt8], _ stream: LogStream) -> Bool {
        defer { bytes.removeAll(keepingCapacity: true) }
        guard !bytes.isEmpty else { return true }
        return (stream == .stdout ? StandardStream.output : .error).write(bytes)
    }
}
