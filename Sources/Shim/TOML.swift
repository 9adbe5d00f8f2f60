/// The part of TOML that a table of options needs (toml.io, v1.0): `key = value` lines with strings, integers and booleans;
/// comments. What else there is of the language is refused with its line.
package struct TOML: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case string(String)
        case integer(Int64)
        case bool(Bool)
    }

    package struct Entry: Equatable, Sendable {
        package let key: String
        package let value: Value
        package let line: Int
    }

    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let line: Int
        package let reason: String
        package init(line: Int, reason: String) {
            self.line = line
            self.reason = reason
        }
        package var description: String { "line \(line): \(reason)" }
    }

    package private(set) var entries: [Entry] = []

    package init(parsing bytes: [UInt8]) throws(Failure) {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(line: 1, reason: "not UTF-8") }
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var reader = TOMLLine(rest: line, number: number)
            guard let entry = try reader.entry() else { continue }
            guard !entries.contains(where: { $0.key == entry.key }) else {
                throw Failure(line: number, reason: "\(entry.key) is there twice")
            }
            entries.append(entry)
        }
    }
}

/// One line of the document.
private struct TOMLLine {
    var rest: Substring.UTF8View.SubSequence
    let number: Int

    init(rest: Substring.UTF8View.SubSequence, number: Int) {
        self.rest = rest
        self.number = number
        if self.rest.last == UInt8(ascii: "\r") { self.rest = self.rest.dropLast() }
    }

    /// Nil for an empty line.
    mutating func entry() throws(TOML.Failure) -> TOML.Entry? {
        skipBlanks()
        guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
        if first == UInt8(ascii: "[") { throw failure("a table, where only options are expected") }
        let key = try key()
        skipBlanks()
        if rest.first == UInt8(ascii: ".") { throw failure("\(key). …: a dotted key, where only options are expected") }
        guard rest.popFirst() == UInt8(ascii: "=") else { throw failure("\(key): = expected") }
        skipBlanks()
        let value = try value(of: key)
        skipBlanks()
        guard rest.isEmpty || rest.first == UInt8(ascii: "#") else { throw failure("\(key): more after the value") }
        return TOML.Entry(key: key, value: value, line: number)
    }

    private func failure(_ reason: String) -> TOML.Failure { TOML.Failure(line: number, reason: reason) }

    private mutating func skipBlanks() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

    private mutating func key() throws(TOML.Failure) -> String {
        if rest.first == UInt8(ascii: "\"") || rest.first == UInt8(ascii: "'") { return try string(of: "the key") }
        let word = rest.prefix { Self.isWord($0) || $0 == UInt8(ascii: "-") }
        guard !word.isEmpty else { throw failure("a key expected") }
        rest = rest.dropFirst(word.count)
        return String(decoding: word, as: UTF8.self)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private mutating func value(of key: String) throws(TOML.Failure) -> TOML.Value {
        guard let first = rest.first else { throw failure("\(key): a value expected") }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") { return .string(try string(of: key)) }
        let word = rest.prefix { Self.isWord($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        rest = rest.dropFirst(word.count)
        switch String(decoding: word, as: UTF8.self) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case let text:
            guard let number = Self.integer(text) else {
                throw failure("\(key): a string, an integer, true or false expected\(text.isEmpty ? "" : ", found \(text)")")
            }
            return .integer(number)
        }
    }

    /// Decimal with a sign, or hexadecimal, octal, binary without; an underscore between two digits says nothing.
    private static func integer(_ text: String) -> Int64? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
            guard let digits = digits(text.dropFirst(2)) else { return nil }
            return Int64(digits, radix: radix)
        }
        let sign = text.first == "-" || text.first == "+" ? 1 : 0
        guard let digits = digits(text.dropFirst(sign)), digits == "0" || !digits.hasPrefix("0") else { return nil }
        return Int64((text.first == "-" ? "-" : "") + digits)
    }

    private static func digits(_ text: Substring) -> String? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard !parts.contains(where: { part in part.isEmpty || part.utf8.contains { !isWord($0) } }) else { return nil }
        return parts.joined()
    }

    private mutating func string(of key: String) throws(TOML.Failure) -> String {
        guard let quote = rest.popFirst() else { throw failure("\(key): a string expected") }
        if rest.prefix(2).elementsEqual([quote, quote]) { throw failure("\(key): a string of several lines") }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == quote { return String(decoding: bytes, as: UTF8.self) }
            if byte < 0x20 && byte != 0x09 || byte == 0x7f { throw failure("\(key): a control character") }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                bytes += try escape(of: key)
            } else {
                bytes.append(byte)
            }
        }
        throw failure("\(key): the string has no end")
    }

    private mutating func escape(of key: String) throws(TOML.Failure) -> [UInt8] {
        let letter = rest.popFirst()
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [letter ?? 0]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = letter == UInt8(ascii: "u") ? 4 : 8
            let digits = String(decoding: rest.prefix(count), as: UTF8.self)
            rest = rest.dropFirst(count)
            guard digits.utf8.count == count, let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number), number != 0
            else {
                throw failure("\(key): \\u\(digits) is no character")
            }
            return Array(String(Character(scalar)).utf8)
        default: throw failure("\(key): an unknown escape")
        }
    }
}
