internal import CRILog
internal import Glibc
internal import LinuxSys

/// Prints entries, each line with its time when asked for.
struct LogPrinter {
    let timestamps: Bool
    private var atLineStart: [LogStream: Bool] = [:]

    init(timestamps: Bool) { self.timestamps = timestamps }

    mutating func print(_ entries: [LogEntry]) -> Bool {
        guard timestamps else { return LogEntry.print(entries) }
        return LogEntry.print(entries.map { stamped($0) })
    }

    mutating func stamped(_ entry: LogEntry) -> LogEntry {
        var entry = entry
        if atLineStart[entry.stream] ?? true { entry.content = Array("\(entry.time) ".utf8) + entry.content }
        atLineStart[entry.stream] = !entry.isPartial
        return entry
    }
}

/// Where the last lines of a log begin.
enum LogTail {
    /// The offset of the first entry of the last `count` lines in the first `end` bytes. Lines whose end is not written yet count too.
    static func offset(of count: Int, in path: String, upTo end: Int64) throws(SysError) -> Int64 {
        let file = try FD.open(path, O_RDONLY)
        var scan = LogTailScan(count: count)
        var buffer = [UInt8](repeating: 0, count: 262_144)
        var left = end
        while left > 0, case .bytes(let got) = try file.read(into: &buffer) {
            let used = Int(min(Int64(got), left))
            scan.feed(buffer[..<used])
            left -= Int64(used)
        }
        return scan.offset
    }
}

/// Keeps the offsets at which the last lines begin; a line is the entries up to one with tag F.
struct LogTailScan {
    private var starts: [Int64] = []
    private let count: Int
    private var position: Int64 = 0
    private var lineStart: Int64 = 0
    private var isContinued = false
    /// The head of the entry being read: time, stream and tag are within it.
    private var head: [UInt8] = []

    init(count: Int) { self.count = count }

    /// Where to begin reading.
    var offset: Int64 {
        starts.isEmpty || count == 0 ? position : starts[starts.count - min(count, starts.count)]
    }

    mutating func feed(_ bytes: some Collection<UInt8>) {
        for byte in bytes {
            position += 1
            if byte != 0x0a {
                if head.count < 64 { head.append(byte) }
                continue
            }
            if !isContinued { add(lineStart) }
            isContinued = head.split(separator: 0x20, maxSplits: 3).dropFirst(2).first?.first == UInt8(ascii: "P")
            head.removeAll(keepingCapacity: true)
            lineStart = position
        }
    }

    private mutating func add(_ offset: Int64) {
        starts.append(offset)
        if starts.count > 2 * count + 64 { starts.removeFirst(starts.count - count - 1) }
    }
}
