internal import CRILog
internal import Glibc
internal import LinuxSys

/// Shows a container's log file (CRI format) as it grows.
actor LogFollower {
    private let path: String
    private let prefix: String
    private let report: Report
    private var reader = LogReader()
    private var file: FDBox?
    private var line: [LogStream: [UInt8]] = [:]
    private var isOver = false

    init(_ path: String, prefix: String, _ report: Report) {
        (self.path, self.prefix, self.report) = (path, prefix, report)
        // Output is shown a little late at worst; its end is known from the container's exit event.
        Task { [weak self] in
            while await self?.readMore() ?? false { try await Task.sleep(for: .milliseconds(50)) }
        }
    }

    /// Shows the rest: everything is in the file once the exit is known.
    func finish() {
        _ = readMore()
        isOver = true
        for (stream, rest) in line where !rest.isEmpty { show(stream, rest) }
        line = [:]
    }

    /// False when nothing more is to come.
    private func readMore() -> Bool {
        guard !isOver else { return false }
        if file == nil { file = try? FDBox(FD.open(path, O_RDONLY)) }
        guard let file else { return true }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        do throws(SysError) {
            while case .bytes(let count) = try file.fd.read(into: &buffer) {
                for entry in reader.feed(buffer[..<count]) { add(entry) }
            }
        } catch {
            report.line("\(prefix): \(error)")
            isOver = true
        }
        return !isOver
    }

    private func add(_ entry: LogEntry) {
        line[entry.stream, default: []] += entry.content
        guard !entry.isPartial else { return }
        show(entry.stream, line.removeValue(forKey: entry.stream) ?? [])
    }

    private func show(_ stream: LogStream, _ bytes: [UInt8]) {
        // The container's text goes to a terminal: control characters do not.
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
            $0.value < 0x20 && $0 != "\t" || $0.value == 0x7f ? "�" : String($0)
        }
        report.line("\(prefix) \(stream == .stderr ? "!" : "|") \(text.joined())")
    }
}
