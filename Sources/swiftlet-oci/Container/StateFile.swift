import OCI

/// What is in a container's file: one JSON document, each of its members on a line of its own.
///
///     {"creating":{…}
///     ,"configuration":{…}
///     ,"state":{…}}
///
/// First the record of who makes it, with config.json as it was then; the record of what was made is put behind them.
enum StateFile {
    private static let creating = Array(#"{"creating":"#.utf8)
    private static let configuration = Array(#","configuration":"#.utf8)
    private static let state = Array(#","state":"#.utf8)
    private static let newLine = UInt8(ascii: "\n")
    private static let end = UInt8(ascii: "}")

    /// In JSON the end of a line is as good as a space, and stands in no string.
    static func beginning(_ record: JSON, _ config: [UInt8]) -> [UInt8] {
        var bytes = creating + record.encoded() + [newLine] + configuration
        let start = bytes.count
        bytes += config
        for place in start..<bytes.count where bytes[place] == newLine { bytes[place] = UInt8(ascii: " ") }
        bytes.append(end)
        return bytes
    }

    /// Takes the place of the last byte.
    static func ending(_ record: JSON) -> [UInt8] { [newLine] + state + record.encoded() + [end] }

    /// The same file with another record.
    static func changed(_ bytes: [UInt8], _ record: JSON) -> [UInt8] {
        Array(bytes[..<(Lines(bytes).second ?? bytes.count - 1)]) + ending(record)
    }

    /// The last record that is whole; nil when there is none.
    static func record(in bytes: [UInt8]) -> JSON? {
        let lines = Lines(bytes)
        if let second = lines.second, bytes.last == end, let record = part(bytes, second + 1, bytes.count - 1, state) { return record }
        return lines.first.flatMap { part(bytes, 0, $0, creating) }
    }

    private static func part(_ bytes: [UInt8], _ start: Int, _ end: Int, _ name: [UInt8]) -> JSON? {
        guard start < end, bytes[start..<end].starts(with: name) else { return nil }
        return try? JSON(parsing: Array(bytes[(start + name.count)..<end]))
    }

    /// config.json as it was at the creation; nil when the file is cut off.
    static func config(in bytes: [UInt8]) -> [UInt8]? {
        let lines = Lines(bytes)
        guard let first = lines.first, bytes[(first + 1)...].starts(with: configuration) else { return nil }
        guard lines.second != nil || bytes.last == end else { return nil }
        let start = first + 1 + configuration.count
        let end = lines.second ?? bytes.count - 1
        return start < end ? Array(bytes[start..<end]) : nil
    }

    /// Where the first two lines end.
    private struct Lines {
        let first: Int?
        let second: Int?

        init(_ bytes: [UInt8]) {
            first = bytes.firstIndex(of: newLine)
            second = first.flatMap { bytes[($0 + 1)...].firstIndex(of: newLine) }
        }
    }
}
