/// Bytes as values. Every length is checked against what is there before anything is made of it.
struct DBusDecoder {
    private let bytes: [UInt8]
    private let isBigEndian: Bool
    private(set) var position: Int

    init(_ bytes: [UInt8], from position: Int = 0, bigEndian: Bool = false) {
        self.bytes = bytes
        self.position = position
        isBigEndian = bigEndian
    }

    mutating func align(_ size: Int) throws(DBusMalformed) {
        let aligned = (position + size - 1) / size * size
        guard aligned <= bytes.count else { throw DBusMalformed("a message that ends early") }
        position = aligned
    }

    private mutating func take(_ count: Int) throws(DBusMalformed) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else { throw DBusMalformed("a message that ends early") }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func number<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(DBusMalformed) -> T {
        let size = T.bitWidth / 8
        try align(size)
        let taken = try take(size)
        var result: T = 0
        for (place, byte) in (isBigEndian ? Array(taken.reversed()) : Array(taken)).enumerated() {
            result |= T(truncatingIfNeeded: UInt64(byte) << (8 * UInt64(place)))
        }
        return result
    }

    private mutating func text(length: Int) throws(DBusMalformed) -> String {
        let taken = try take(length)
        guard try take(1).first == 0, !taken.contains(0) else { throw DBusMalformed("a string without its end") }
        guard let text = String(validating: taken, as: UTF8.self) else { throw DBusMalformed("a string that is not UTF-8") }
        return text
    }

    /// One value of a complete type.
    mutating func value(_ type: String, depth: Int = 0) throws(DBusMalformed) -> DBusValue {
        guard depth <= 2 * DBusSignature.deepest else { throw DBusMalformed("values too deep in each other") }
        switch type.utf8.first {
        case UInt8(ascii: "a"): return try array(String(type.dropFirst()), depth)
        case UInt8(ascii: "("):
            try align(8)
            var members: [DBusValue] = []
            for member in try DBusSignature.types(String(type.dropFirst().dropLast())) {
                members.append(try value(member, depth: depth + 1))
            }
            return .structure(members)
        case UInt8(ascii: "{"):
            try align(8)
            let types = try DBusSignature.types(String(type.dropFirst().dropLast()))
            guard types.count == 2 else { throw DBusMalformed("a dictionary entry of \(types.count)") }
            return .entry(try value(types[0], depth: depth + 1), try value(types[1], depth: depth + 1))
        case UInt8(ascii: "v"):
            let types = try DBusSignature.types(text(length: Int(number(UInt8.self))))
            guard types.count == 1 else { throw DBusMalformed("a variant of \(types.count) values") }
            return .variant(try value(types[0], depth: depth + 1))
        default: return try basic(type)
        }
    }

    private mutating func basic(_ type: String) throws(DBusMalformed) -> DBusValue {
        switch type {
        case "y": return .byte(try number())
        case "b":
            let flag: UInt32 = try number()
            guard flag <= 1 else { throw DBusMalformed("a boolean of \(flag)") }
            return .bool(flag == 1)
        case "n": return .int16(try number())
        case "q": return .uint16(try number())
        case "i": return .int32(try number())
        case "u", "h": return .uint32(try number())
        case "x": return .int64(try number())
        case "t": return .uint64(try number())
        case "d": return .double(Double(bitPattern: try number()))
        case "s": return .string(try text(length: Int(number(UInt32.self))))
        case "o": return .objectPath(try text(length: Int(number(UInt32.self))))
        case "g": return .signature(try text(length: Int(number(UInt8.self))))
        default: throw DBusMalformed("an unknown type")
        }
    }

    private mutating func array(_ element: String, _ depth: Int) throws(DBusMalformed) -> DBusValue {
        let length = Int(try number(UInt32.self))
        try align(DBusEncoder.alignment(of: element))
        guard length <= bytes.count - position else { throw DBusMalformed("an array beyond the message") }
        let end = position + length
        var items: [DBusValue] = []
        while position < end { items.append(try value(element, depth: depth + 1)) }
        guard position == end else { throw DBusMalformed("an array that ends inside a value") }
        return .array(of: element, items)
    }
}
