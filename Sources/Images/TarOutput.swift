internal import LinuxSys

/// Writes a tar archive (POSIX.1-2017, pax): ustar headers, and an extended header before an entry that those cannot hold.
///
/// The same entries make the same bytes: records stand in order, and nothing of the writer's own time, names or place goes in.
final class TarOutput {
    private let sink: any ByteSink
    private var piece: [UInt8] = []
    private var contentLeft: UInt64 = 0
    private var padding = 0

    init(_ sink: any ByteSink) {
        self.sink = sink
        piece.reserveCapacity(pieceSize)
    }

    /// The headers of an entry. Of a file exactly `entry.size` bytes of content have to follow.
    func begin(_ entry: TarEntry) throws(ImageError) {
        precondition(contentLeft == 0, "the last file is complete")
        let records = try Self.records(entry)
        if !records.isEmpty {
            let name = Array("PaxHeaders/".utf8) + entry.path.split(separator: 0x2f).last.map { Array($0.prefix(80)) }!
            try add(TarBlock(extendedHeader: name, size: records.count).bytes[...])
            try add(records[...])
            try add(zeros(Int(Self.padding(UInt64(records.count)))))
        }
        try add(TarBlock(entry).bytes[...])
        contentLeft = entry.kind == .file ? entry.size : 0
        padding = Int(Self.padding(contentLeft))
    }

    func content(_ bytes: ArraySlice<UInt8>) throws(ImageError) {
        precondition(UInt64(bytes.count) <= contentLeft, "no more than the header says")
        contentLeft -= UInt64(bytes.count)
        try add(bytes)
        if contentLeft == 0 {
            try add(zeros(padding))
            padding = 0
        }
    }

    /// The two blocks of zeros at the end.
    func finish() throws(ImageError) {
        try add(zeros(1024))
        if !piece.isEmpty { try sink.write(piece) }
        piece = []
    }

    /// Pieces have the same size whatever comes in: what a packer makes depends on how its input is cut.
    private func add(_ bytes: ArraySlice<UInt8>) throws(ImageError) {
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(pieceSize - piece.count)
            piece += part
            rest = rest.dropFirst(part.count)
            guard piece.count == pieceSize else { continue }
            try sink.write(piece)
            piece = []
            piece.reserveCapacity(pieceSize)
        }
    }

    private func zeros(_ count: Int) -> ArraySlice<UInt8> { [UInt8](repeating: 0, count: count)[...] }

    private static func padding(_ size: UInt64) -> UInt64 { (512 - size % 512) % 512 }

    /// What the header cannot hold, as records of an extended header in the order of their keys.
    private static func records(_ entry: TarEntry) throws(ImageError) -> [UInt8] {
        var values: [(key: String, value: [UInt8])] = []
        if entry.path.count > 100 { values.append(("path", entry.path)) }
        if entry.linkTarget.count > 100 { values.append(("linkpath", entry.linkTarget)) }
        if entry.size >= 1 << 33 { values.append(("size", Array(String(entry.size).utf8))) }
        if entry.uid >= 1 << 21 { values.append(("uid", Array(String(entry.uid).utf8))) }
        if entry.gid >= 1 << 21 { values.append(("gid", Array(String(entry.gid).utf8))) }
        if entry.modify.nanoseconds != 0 || !(0..<(1 << 33)).contains(entry.modify.seconds) {
            values.append(("mtime", decimal(entry.modify)))
        }
        for attribute in entry.attributes {
            guard !attribute.name.contains("="), !attribute.name.utf8.contains(0x0a) else {
                throw .unsupported(subject: entry.shownPath, what: "an extended attribute called `\(attribute.name)` in a layer")
            }
            values.append(("SCHILY.xattr.\(attribute.name)", attribute.value))
        }
        return values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.flatMap { record($0.key, $0.value) }
    }

    /// `length key=value\n`, the length counting itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [0x0a]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    /// Seconds with a fraction, counting downwards before 1970.
    private static func decimal(_ time: FileTime) -> [UInt8] {
        var seconds = time.seconds
        var nanoseconds = time.nanoseconds
        let isNegative = seconds < 0
        if isNegative, nanoseconds > 0 {
            seconds += 1
            nanoseconds = 1_000_000_000 - nanoseconds
        }
        var text = (isNegative ? "-" : "") + String(seconds.magnitude)
        if nanoseconds > 0 {
            let digits = String(nanoseconds)
            text += "." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
            while text.hasSuffix("0") { text.removeLast() }
        }
        return Array(text.utf8)
    }
}

/// One header block of ustar; places as in `TarHeader`.
struct TarBlock {
    private(set) var bytes = [UInt8](repeating: 0, count: TarHeader.size)

    init(_ entry: TarEntry) {
        let isLink = entry.kind == .hardLink || entry.kind == .symlink
        put(0, entry.path.prefix(100))
        number(100, 8, UInt64(entry.mode & 0o7777))
        number(108, 8, entry.uid < 1 << 21 ? UInt64(entry.uid) : 0)
        number(116, 8, entry.gid < 1 << 21 ? UInt64(entry.gid) : 0)
        number(124, 12, entry.kind == .file && entry.size < 1 << 33 ? entry.size : 0)
        number(136, 12, UInt64(min(max(0, entry.modify.seconds), 1 << 33 - 1)))
        bytes[156] = Self.type(entry.kind)
        if isLink { put(157, entry.linkTarget.prefix(100)) }
        number(329, 8, UInt64(entry.major))
        number(337, 8, UInt64(entry.minor))
        seal()
    }

    init(extendedHeader name: [UInt8], size: Int) {
        put(0, name.prefix(100))
        number(100, 8, 0o644)
        number(108, 8, 0)
        number(116, 8, 0)
        number(124, 12, UInt64(size))
        number(136, 12, 0)
        bytes[156] = UInt8(ascii: "x")
        number(329, 8, 0)
        number(337, 8, 0)
        seal()
    }

    private static func type(_ kind: TarEntry.Kind) -> UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symlink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        }
    }

    private mutating func put(_ place: Int, _ value: some Collection<UInt8>) {
        for (offset, byte) in value.enumerated() { bytes[place + offset] = byte }
    }

    /// Octal digits and a zero byte.
    private mutating func number(_ place: Int, _ width: Int, _ value: UInt64) {
        let digits = String(value, radix: 8)
        put(place, Array(repeatElement(UInt8(ascii: "0"), count: width - 1 - digits.utf8.count)) + Array(digits.utf8))
    }

    private mutating func seal() {
        put(257, Array("ustar\0".utf8) + Array("00".utf8))
        put(148, [UInt8](repeating: 0x20, count: 8))
        let sum = String(bytes.reduce(0) { $0 + Int($1) }, radix: 8)
        put(148, Array(repeatElement(UInt8(ascii: "0"), count: 6 - sum.utf8.count)) + Array(sum.utf8) + [0, 0x20])
    }
}
