/// One entry of a log file.
package struct LogEntry: Equatable, Sendable {
    package var time: LogTime
    package var stream: LogStream
    /// Tag P: the line goes on in the stream's next entry.
    package var isPartial: Bool
    /// Without the newline.
    package var content: [UInt8]

    package init(time: LogTime, stream: LogStream, isPartial: Bool, content: [UInt8]) {
        self.time = time
        self.stream = stream
        self.isPartial = isPartial
        self.content = content
    }

    /// What the container wrote: the content, with its newline when the line ends here.
    package var output: [UInt8] { isPartial ? content : content + [0x0a] }

    /// Parses one line without its newline; nil for what is no log entry. Tags beyond the first (`F:…`) are passed over,
    /// as the format asks.
    package init?(line: some Collection<UInt8>) {
        let parts = line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let time = LogTime(parts[0]), let stream = LogStream(rawValue: String(decoding: parts[1], as: UTF8.self))
        else { return nil }
        switch parts[2].split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)[0] {
        case let tag where tag.elementsEqual([UInt8(ascii: "P")]): isPartial = true
        case let tag where tag.elementsEqual([UInt8(ascii: "F")]): isPartial = false
        default: return nil
        }
        self.time = time
        self.stream = stream
        content = Array(parts[3])
    }
}

/// Cuts a growing log file into entries: bytes go in as they are read, whole entries come out.
package struct LogReader: Sendable {
    private var rest: [UInt8] = []
    /// Lines that were no entry (a foreign or damaged file); they are passed over and counted.
    package private(set) var malformed = 0
    /// A line longer than this cannot be an entry and is dropped without being kept in memory.
    private static let mostLine = LogFormatter.mostContent + 4096
    private var dropping = false

    package init() {}

    /// True when the last byte seen was the end of a line.
    package var isAtLineStart: Bool { rest.isEmpty && !dropping }

    package mutating func feed(_ bytes: some Collection<UInt8>) -> [LogEntry] {
        var entries: [LogEntry] = []
        var left = bytes[...]
        while let newline = left.firstIndex(of: 0x0a) {
            rest += left[..<newline]
            left = left[left.index(after: newline)...]
            if dropping {
                dropping = false
            } else if let entry = LogEntry(line: rest) {
                entries.append(entry)
            } else {
                malformed += 1
            }
            rest.removeAll(keepingCapacity: true)
        }
        if !dropping { rest += left }
        if rest.count > Self.mostLine {
            rest = []
            dropping = true
            malformed += 1
        }
        return entries
    }
}
