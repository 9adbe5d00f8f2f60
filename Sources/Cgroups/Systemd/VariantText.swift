/// The value of an annotation `org.systemd.property.NAME`, in GVariant's text format: `'inactive-or-failed'`, `uint64 5000`,
/// `@as ['a.service']`, `true`. Only what properties are made of: booleans, numbers, strings and arrays of these.
struct VariantText {
    struct Wrong: Error, Equatable { let reason: String }

    private var rest: ArraySlice<UInt8>

    static func parse(_ text: String) throws(Wrong) -> DBusValue {
        var parser = VariantText(rest: Array(text.utf8)[...])
        let value = try parser.value(nil, depth: 0)
        parser.skipSpace()
        guard parser.rest.isEmpty else { throw Wrong(reason: "there is more after the value") }
        return value
    }

    private static let words: [String: String] = [
        "boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "int64": "x", "uint64": "t",
        "double": "d", "string": "s", "objectpath": "o", "signature": "g",
    ]

    private mutating func skipSpace() { while rest.first == 0x20 { rest.removeFirst() } }

    private mutating func word(_ isPart: (UInt8) -> Bool) -> String {
        let taken = rest.prefix(while: isPart)
        rest = rest[taken.endIndex...]
        return String(decoding: taken, as: UTF8.self)
    }

    /// `type` is what was said before it, or what its neighbours in the array are.
    private mutating func value(_ type: String?, depth: Int) throws(Wrong) -> DBusValue {
        skipSpace()
        switch rest.first {
        case UInt8(ascii: "@"):
            rest.removeFirst()
            return try typed(word { $0 != 0x20 }, after: type, depth)
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return try text(as: type ?? "s")
        case UInt8(ascii: "["): return try array(type, depth)
        case .some(0x61...0x7a):
            let name = word { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
            if name == "true" || name == "false" {
                guard type ?? "b" == "b" else { throw Wrong(reason: "a boolean is not of type \(type ?? "")") }
                return .bool(name == "true")
            }
            guard let named = Self.words[name] else { throw Wrong(reason: "unknown word \(name)") }
            return try typed(named, after: type, depth)
        default: return try number(type)
        }
    }

    private mutating func typed(_ wanted: String, after type: String?, _ depth: Int) throws(Wrong) -> DBusValue {
        let element = wanted.hasPrefix("a") ? String(wanted.dropFirst()) : wanted
        guard element.utf8.count == 1, Self.words.values.contains(element) else { throw Wrong(reason: "unknown type \(wanted)") }
        guard type ?? wanted == wanted, depth < 2 else { throw Wrong(reason: "two types for one value") }
        return try value(wanted, depth: depth + 1)
    }

    private mutating func text(as type: String) throws(Wrong) -> DBusValue {
        let quote = rest.removeFirst()
        var bytes: [UInt8] = []
        while true {
            guard let byte = rest.popFirst() else { throw Wrong(reason: "a string without its end") }
            if byte == quote { break }
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let escaped = rest.popFirst(), "\\'\"".utf8.contains(escaped) else { throw Wrong(reason: "an escape that is not taken") }
            bytes.append(escaped)
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw Wrong(reason: "a control character") }
        let text = String(decoding: bytes, as: UTF8.self)
        switch type {
        case "s": return .string(text)
        case "o": return .objectPath(text)
        case "g": return .signature(text)
        default: throw Wrong(reason: "a string is not of type \(type)")
        }
    }

    private mutating func array(_ type: String?, _ depth: Int) throws(Wrong) -> DBusValue {
        guard depth < 2, type?.hasPrefix("a") ?? true else { throw Wrong(reason: "an array that is not expected") }
        rest.removeFirst()
        var element = type.map { String($0.dropFirst()) }
        var items: [DBusValue] = []
        while true {
            skipSpace()
            if items.isEmpty, rest.first == UInt8(ascii: "]") { break }
            let item = try value(element, depth: 2)
            element = item.signature
            items.append(item)
            skipSpace()
            if rest.first == UInt8(ascii: "]") { break }
            guard rest.popFirst() == UInt8(ascii: ",") else { throw Wrong(reason: "an array without its end") }
        }
        rest.removeFirst()
        guard let element else { throw Wrong(reason: "an empty array without a type") }
        return .array(of: element, items)
    }

    private mutating func number(_ type: String?) throws(Wrong) -> DBusValue {
        let digits = word { (0x30...0x39).contains($0) || "+-.eExXabcdfABCDF".utf8.contains($0) }
        guard !digits.isEmpty else { throw Wrong(reason: "no value") }
        switch type ?? (digits.contains(".") && !digits.hasPrefix("0x") ? "d" : "i") {
        case "y": return .byte(try integer(digits))
        case "n": return .int16(try integer(digits))
        case "q": return .uint16(try integer(digits))
        case "i": return .int32(try integer(digits))
        case "u": return .uint32(try integer(digits))
        case "x": return .int64(try integer(digits))
        case "t": return .uint64(try integer(digits))
        case "d":
            guard let number = Double(digits), number.isFinite else { throw Wrong(reason: "\(digits) is no number") }
            return .double(number)
        case let other: throw Wrong(reason: "a number is not of type \(other)")
        }
    }

    private func integer<T: FixedWidthInteger>(_ digits: String) throws(Wrong) -> T {
        let found = digits.hasPrefix("0x") ? T(digits.dropFirst(2), radix: 16) : T(digits)
        guard let found else { throw Wrong(reason: "\(digits) is outside \(T.min) … \(T.max)") }
        return found
    }
}
