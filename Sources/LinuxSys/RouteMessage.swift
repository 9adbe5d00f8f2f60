/// One message of rtnetlink(7), in the making.
///
/// Wire format, in the order of the host's bytes (which is little-endian on every architecture that is built for):
///
///     uint32 length of all; uint16 type; uint16 flags; uint32 sequence; uint32 port (0: the kernel)
///     the type's own header (ifinfomsg 16 bytes, ifaddrmsg 8 bytes)
///     attributes: uint16 length (with these four bytes), uint16 type, the value, filled up to a multiple of four
struct RouteMessage {
    enum Kind: UInt16 {
        case newLink = 16
        case getLink = 18
        case newAddress = 20
        case getAddress = 22
    }

    private(set) var bytes: [UInt8] = []

    init(_ kind: Kind, flags: UInt16, sequence: UInt32) {
        put(UInt32(0))
        put(kind.rawValue)
        put(flags)
        put(sequence)
        put(UInt32(0))
    }

    mutating func put<T: FixedWidthInteger>(_ number: T) {
        for shift in 0..<(T.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
    }

    /// if.h, `struct ifinfomsg`.
    mutating func putLink(index: Int32, flags: UInt32 = 0, change: UInt32 = 0) {
        put(UInt32(0))
        put(index)
        put(flags)
        put(change)
    }

    mutating func putAttribute(_ type: UInt16, _ value: [UInt8]) {
        put(UInt16(value.count + 4))
        put(type)
        bytes += value
        bytes += [UInt8](repeating: 0, count: -value.count & 3)
    }

    mutating func putAttribute(_ type: UInt16, _ value: UInt32) {
        putAttribute(type, (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) })
    }

    /// With its length filled in.
    consuming func finished() -> [UInt8] {
        let count = UInt32(bytes.count)
        for place in 0..<4 { bytes[place] = UInt8(truncatingIfNeeded: count >> UInt32(8 * place)) }
        return bytes
    }
}

/// One message that came.
struct RouteReply: Equatable {
    let type: UInt16
    let body: [UInt8]

    static let error: UInt16 = 2
    static let done: UInt16 = 3

    /// All messages of one datagram; nil for bytes that are none.
    static func all(in bytes: ArraySlice<UInt8>) -> [RouteReply]? {
        var result: [RouteReply] = []
        var rest = bytes
        while !rest.isEmpty {
            guard rest.count >= 16 else { return nil }
            let length = Int(number(rest, 0, 4))
            guard length >= 16, length <= rest.count else { return nil }
            result.append(RouteReply(type: UInt16(number(rest, 4, 2)), body: Array(rest.dropFirst(16).prefix(length - 16))))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return result
    }

    func number(_ offset: Int, _ width: Int) -> UInt32 { Self.number(body[...], offset, width) }

    /// What follows a header of that size: type and value.
    func attributes(after header: Int) -> [(type: UInt16, value: [UInt8])] {
        var result: [(UInt16, [UInt8])] = []
        var rest = body.dropFirst(header)
        while rest.count >= 4 {
            let length = Int(Self.number(rest, 0, 2))
            guard length >= 4, length <= rest.count else { break }
            // The two upper bits are marks (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            result.append((UInt16(Self.number(rest, 2, 2)) & 0x3fff, Array(rest.dropFirst(4).prefix(length - 4))))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return result
    }

    func attribute(_ type: UInt16, after header: Int) -> [UInt8]? {
        for found in attributes(after: header) where found.type == type { return found.value }
        return nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ width: Int) -> UInt32 {
        guard bytes.count >= offset + width else { return 0 }
        return (0..<width).reduce(0) { $0 | UInt32(bytes[bytes.startIndex + offset + $1]) << UInt32(8 * $1) }
    }
}
