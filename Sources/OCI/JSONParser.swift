/// Why a document is not JSON, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible, Sendable {
    package let reason: String
    package let offset: Int
    /// Both from 1; the column counts bytes.
    package let line: Int
    package let column: Int

    init(_ reason: String, at offset: Int, in bytes: [UInt8]) {
        self.reason = reason
        self.offset = offset
        let before = bytes[..<min(offset, bytes.count)]
        line = before.count { $0 == 0x0a } + 1
        column = offset - (before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0) + 1
    }

    package var description: String { "invalid JSON at line \(line), column \(column): \(reason)" }
}

extension JSON {
    /// Parses one whole document (UTF-8, at most `depth` levels deep; a leading byte order mark is refused).
    package init(parsing bytes: [UInt8], depth: Int = 128) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, depth: depth)
        self = try parser.document()
    }
}

/// Recursive descent over an array of bytes.
private struct JSONParser {
    let bytes: [UInt8]
    let depth: Int
    var at = 0

    init(bytes: [UInt8], depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    func failure(_ reason: String) -> JSONError { JSONError(reason, at: at, in: bytes) }

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { at += 1 }
    }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value(level: 0)
        skipSpace()
        guard at == bytes.count else { throw failure("something follows the document") }
        return value
    }

    mutating func value(level: Int) throws(JSONError) -> JSON {
        guard level < depth else { throw failure("nested deeper than \(depth) levels") }
        skipSpace()
        guard let byte = next else { throw failure("the document ends too early") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(level: level))
        case UInt8(ascii: "["): return .array(try array(level: level))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("unexpected byte 0x\(String(byte, radix: 16))")
        }
    }

    mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for expected in "\(text)".utf8 {
            guard next == expected else { throw failure("unexpected word") }
            at += 1
        }
        return value
    }

    mutating func expect(_ byte: UInt8, _ reason: String) throws(JSONError) {
        skipSpace()
        guard next == byte else { throw failure(reason) }
        at += 1
    }

    /// After an item: true when a comma follows, false when the container ends.
    mutating func more(until end: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        guard let byte = next else { throw failure("the document ends too early") }
        guard byte == UInt8(ascii: ",") || byte == end else { throw failure("comma or end expected") }
        at += 1
        return byte != end
    }

    private static let fewNames = 16

    mutating func object(level: Int) throws(JSONError) -> JSONObject {
        var result = JSONObject()
        // A few names are compared one by one; with more of them that would take time that an attacker chooses.
        var names: Set<String> = []
        at += 1
        skipSpace()
        if next == UInt8(ascii: "}") {
            at += 1
            return result
        }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a member's name expected") }
            let name = try string()
            if result.members.count == Self.fewNames { names = Set(result.members.map(\.name)) }
            let isNew = result.members.count < Self.fewNames ? !result.members.contains { $0.name == name } : names.insert(name).inserted
            guard isNew else { throw failure("member \(name) is there twice") }
            try expect(UInt8(ascii: ":"), "colon expected")
            result.append(name, try value(level: level + 1))
        } while try more(until: UInt8(ascii: "}"))
        return result
    }

    mutating func array(level: Int) throws(JSONError) -> [JSON] {
        var result: [JSON] = []
        at += 1
        skipSpace()
        if next == UInt8(ascii: "]") {
            at += 1
            return result
        }
        repeat { result.append(try value(level: level + 1)) } while try more(until: UInt8(ascii: "]"))
        return result
    }

    /// Up to the closing quote: the text itself when nothing in it is escaped, as nearly always.
    mutating func string() throws(JSONError) -> String {
        at += 1
        let start = at
        var high: UInt8 = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return try text(bytes[start..<(at - 1)], isASCII: high < 0x80)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else {
                at += 1
                throw failure("a control character in a string")
            }
            high |= byte
            at += 1
        }
        throw failure("a string without end")
    }

    /// The rest of a string that has an escape at `at`.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<at])
        while let byte = next {
            at += 1
            switch byte {
            case UInt8(ascii: "\""): return try self.text(text[...], isASCII: false)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw failure("a control character in a string")
            default: text.append(byte)
            }
        }
        throw failure("a string without end")
    }

    private func text(_ bytes: ArraySlice<UInt8>, isASCII: Bool) throws(JSONError) -> String {
        if isASCII { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("a string is not UTF-8") }
        return text
    }

    mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw failure("a string without end") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xd800..<0xdc00).contains(code) {
                guard next == UInt8(ascii: "\\"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "u") else {
                    throw failure("half a surrogate pair")
                }
                at += 2
                let low = try hexadecimal()
                guard (0xdc00..<0xe000).contains(low) else { throw failure("half a surrogate pair") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
            text.append(contentsOf: Character(scalar).utf8)
        default: throw failure("unknown escape")
        }
    }

    mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits expected")
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }

    mutating func digits() throws(JSONError) {
        guard let byte = next, (0x30...0x39).contains(byte) else { throw failure("a digit expected") }
        while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
    }

    /// Up to 18 digits with nothing else: what numbers in these documents are. Nil, and nothing read, for any other.
    private mutating func smallInteger() -> Int64? {
        let start = at
        var value: Int64 = 0
        while at < bytes.count, (0x30...0x39).contains(bytes[at]), at - start < 19 {
            value = value &* 10 &+ Int64(bytes[at] - 0x30)
            at += 1
        }
        let count = at - start
        let endsHere = at == bytes.count || !Self.numberTail(bytes[at])
        if (1...18).contains(count), endsHere, count == 1 || bytes[start] != 0x30 { return value }
        at = start
        return nil
    }

    private static func numberTail(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || byte == 0x2e || byte == 0x65 || byte == 0x45 }

    mutating func number() throws(JSONError) -> JSON {
        let start = at
        if let small = smallInteger() { return .integer(small) }
        var whole = true
        if next == UInt8(ascii: "-") { at += 1 }
        if next == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            whole = false
            at += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            whole = false
            at += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if whole, let value = Int64(text) { return .integer(value) }
        if whole, let value = UInt64(text) { return .unsigned(value) }
        guard let value = Double(text), value.isFinite else { throw failure("a number out of range") }
        return .number(value)
    }
}
