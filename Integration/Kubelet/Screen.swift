internal import Glibc
internal import LinuxSys
internal import Synchronization

/// A terminal with lines that scroll and a table that stays below them.
package final class Screen: Sendable {
    private let shown = Mutex<[String]>([])
    private let descriptor: Int32

    /// Nil when `descriptor` is no terminal.
    package init?(_ descriptor: Int32) {
        guard isatty(descriptor) == 1 else { return nil }
        self.descriptor = descriptor
    }

    /// A line above the table.
    package func line(_ text: String) {
        shown.withLock { put(Self.erase($0.count) + text + "\n" + Self.text($0)) }
    }

    /// Replaces the table; what does not fit is counted.
    package func show(_ table: [String]) {
        let size = size()
        let lines = Self.fit(table, rows: size.rows, columns: size.columns)
        shown.withLock { old in
            guard old != lines else { return }
            put(Self.erase(old.count) + Self.text(lines))
            old = lines
        }
    }

    static func fit(_ table: [String], rows: Int, columns: Int) -> [String] {
        let room = max(2, rows - 2)
        let cut = table.map { String($0.prefix(columns)) }
        guard cut.count > room else { return cut }
        return cut.prefix(room - 1) + ["… and \(cut.count - room + 1) more"]
    }

    /// Up to the first line of the table, and everything from there on away (ECMA-48: CUU, ED).
    static func erase(_ lines: Int) -> String { lines == 0 ? "" : "\u{1b}[\(lines)A\r\u{1b}[J" }
    private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    private func size() -> (rows: Int, columns: Int) {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else { return (24, 80) }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    }
}
