internal import LinuxSys

/// One 512-byte header block.
///
/// name 0…99, mode 100…107, uid 108…115, gid 116…123, size 124…135, mtime 136…147, checksum 148…155, type 156,
/// link name 157…256, magic 257…262, version 263…264, owner names 265…328, major 329…336, minor 337…344, prefix 345…499 (ustar only).
/// GNU: sparse map 386…481, more of it 482, real size 483…494 (tar(5)).
struct TarHeader {
    static let size = 512
    /// Of the piece that it came in, so that nothing is copied for it.
    private let block: ArraySlice<UInt8>

    init(block: ArraySlice<UInt8>) { self.block = block }

    subscript(place: Int) -> UInt8 { block[block.startIndex + place] }

    private func part(_ range: Range<Int>) -> ArraySlice<UInt8> {
        block[(block.startIndex + range.lowerBound)..<(block.startIndex + range.upperBound)]
    }

    /// Both nulls and a checksum that does not match make the end or an error: see `TarReader`.
    var isZero: Bool { block.allSatisfy { $0 == 0 } }

    /// The sum of all bytes with the checksum's own as spaces; some old programs summed signed bytes.
    var checksumMatches: Bool {
        guard let wanted = number(148..<156) else { return false }
        // Of 512 bytes no sum overflows: unchecked, which is many bytes at once.
        var unsigned: Int32 = 0
        for byte in block { unsigned &+= Int32(byte) }
        for byte in part(148..<156) { unsigned += 0x20 - Int32(byte) }
        if wanted == unsigned { return true }
        var signed: Int32 = 0
        for byte in block { signed &+= Int32(Int8(bitPattern: byte)) }
        for byte in part(148..<156) { signed += 0x20 - Int32(Int8(bitPattern: byte)) }
        return wanted == signed
    }

    var type: UInt8 { self[156] }
    var isUstar: Bool { part(257..<263).elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0]) }
    var isGNU: Bool { part(257..<265).elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0]) }

    var name: [UInt8] {
        let name = text(0..<100)
        guard isUstar else { return name }
        let prefix = text(345..<500)
        return prefix.isEmpty ? name : prefix + [0x2f] + name
    }
    var linkName: [UInt8] { text(157..<257) }

    func text(_ range: Range<Int>) -> [UInt8] { Array(part(range).prefix { $0 != 0 }) }

    /// Octal digits, or with the top bit set a big-endian two's complement number. Nil when it is neither or does not fit.
    func number(_ range: Range<Int>) -> Int64? {
        let field = part(range)
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 { return binary(field, negative: first & 0x40 != 0) }
        var at = field.startIndex
        while at < field.endIndex, field[at] == 0x20 { at += 1 }
        var result: Int64 = 0
        while at < field.endIndex, field[at] != 0, field[at] != 0x20 {
            guard (0x30...0x37).contains(field[at]), result >> 60 == 0 else { return nil }
            result = result << 3 | Int64(field[at] - 0x30)
            at += 1
        }
        while at < field.endIndex {
            guard field[at] == 0 || field[at] == 0x20 else { return nil }
            at += 1
        }
        return result
    }

    private func binary(_ field: ArraySlice<UInt8>, negative: Bool) -> Int64? {
        var result: Int64 = negative ? -1 : 0
        for (place, byte) in field.enumerated() {
            let value = place == 0 ? (negative ? byte | 0x80 : byte & 0x3f) : byte
            let (shifted, overflow) = result.multipliedReportingOverflow(by: 256)
            guard !overflow else { return nil }
            result = shifted | Int64(value)
        }
        return result
    }
}
