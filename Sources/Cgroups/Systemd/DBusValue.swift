/// A value of D-Bus (D-Bus Specification, "Type System").
indirect enum DBusValue: Equatable, Sendable {
    case byte(UInt8)
    case bool(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// With the signature of one element, which an empty array does not show.
    case array(of: String, [DBusValue])
    case structure([DBusValue])
    /// In an array only.
    case entry(DBusValue, DBusValue)
    case variant(DBusValue)

    var signature: String {
        switch self {
        case .byte: "y"
        case .bool: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .array(let element, _): "a\(element)"
        case .structure(let members): "(\(members.map(\.signature).joined()))"
        case .entry(let key, let value): "{\(key.signature)\(value.signature)}"
        case .variant: "v"
        }
    }

    static func strings(_ texts: [String]) -> DBusValue { .array(of: "s", texts.map { .string($0) }) }
    static func bytes(_ bytes: [UInt8]) -> DBusValue { .array(of: "y", bytes.map { .byte($0) }) }

    /// Of a string, an object path or a signature.
    var text: String? {
        switch self {
        case .string(let text), .objectPath(let text), .signature(let text): text
        case .variant(let inner): inner.text
        default: nil
        }
    }
}

/// Bytes that are no D-Bus message.
struct DBusMalformed: Error, Equatable {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// A signature as its complete types, one after another.
enum DBusSignature {
    /// Depth as the specification limits it.
    static let deepest = 32

    static func types(_ signature: String) throws(DBusMalformed) -> [String] {
        let bytes = Array(signature.utf8)
        guard bytes.count <= 255 else { throw DBusMalformed("a signature of \(bytes.count) bytes") }
        var result: [String] = []
        var at = 0
        while at < bytes.count {
            let end = try end(of: bytes, from: at, depth: 0, inArray: false)
            result.append(String(decoding: bytes[at..<end], as: UTF8.self))
            at = end
        }
        return result
    }

    /// Where the complete type that begins at `at` ends.
    private static func end(of bytes: [UInt8], from at: Int, depth: Int, inArray: Bool) throws(DBusMalformed) -> Int {
        guard at < bytes.count, depth <= deepest else { throw DBusMalformed("a signature that does not end") }
        switch bytes[at] {
        case UInt8(ascii: "a"): return try end(of: bytes, from: at + 1, depth: depth + 1, inArray: true)
        case UInt8(ascii: "("): return try group(bytes, at, UInt8(ascii: ")"), depth)
        case UInt8(ascii: "{"):
            guard inArray else { throw DBusMalformed("a dictionary entry outside an array") }
            return try group(bytes, at, UInt8(ascii: "}"), depth)
        case let code:
            guard "ybnqiuxtdsogvh".utf8.contains(code) else { throw DBusMalformed("an unknown type in a signature") }
            return at + 1
        }
    }

    private static func group(_ bytes: [UInt8], _ at: Int, _ close: UInt8, _ depth: Int) throws(DBusMalformed) -> Int {
        var next = at + 1
        while next < bytes.count, bytes[next] != close { next = try end(of: bytes, from: next, depth: depth + 1, inArray: false) }
        guard next < bytes.count, next > at + 1 else { throw DBusMalformed("an empty or open group in a signature") }
        return next + 1
    }
}
