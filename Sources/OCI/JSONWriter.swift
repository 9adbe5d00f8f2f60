extension JSON {
    /// The document in UTF-8, compact, or indented by two spaces for people.
    package func encoded(pretty: Bool = false) -> [UInt8] {
        var out: [UInt8] = []
        write(into: &out, indent: pretty ? 0 : nil)
        return out
    }

    /// The same as text.
    package func text(pretty: Bool = false) -> String { String(decoding: encoded(pretty: pretty), as: UTF8.self) }

    private func write(into out: inout [UInt8], indent: Int?) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let flag): out += (flag ? "true" : "false").utf8
        case .integer(let number): out += String(number).utf8
        case .unsigned(let number): out += String(number).utf8
        case .number(let number): out += "\(number)".utf8
        case .string(let text): Self.quote(text, into: &out)
        case .array(let items):
            Self.enclose(items, "[", "]", into: &out, indent) { item, out, indent in item.write(into: &out, indent: indent) }
        case .object(let object):
            Self.enclose(object.members, "{", "}", into: &out, indent) { member, out, indent in
                Self.quote(member.name, into: &out)
                out += (indent == nil ? ":" : ": ").utf8
                member.value.write(into: &out, indent: indent)
            }
        }
    }

    private static func enclose<T>(
        _ items: [T], _ open: String, _ close: String, into out: inout [UInt8], _ indent: Int?, _ body: (T, inout [UInt8], Int?) -> Void
    ) {
        out += open.utf8
        for (number, item) in items.enumerated() {
            if number > 0 { out.append(UInt8(ascii: ",")) }
            if let indent { newLine(indent + 2, into: &out) }
            body(item, &out, indent.map { $0 + 2 })
        }
        if let indent, !items.isEmpty { newLine(indent, into: &out) }
        out += close.utf8
    }

    private static func newLine(_ indent: Int, into out: inout [UInt8]) {
        out.append(0x0a)
        out += repeatElement(0x20, count: indent)
    }

    private static func quote(_ text: String, into out: inout [UInt8]) {
        var text = text
        out.append(UInt8(ascii: "\""))
        // By bytes in one piece: a view of them is copied one by one.
        let isPlain = text.withUTF8 { bytes in
            guard unsafe !bytes.contains(where: needsEscape) else { return false }
            unsafe out.append(contentsOf: bytes)
            return true
        }
        if !isPlain { escape(text, into: &out) }
        out.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7f
    }

    private static func escape(_ text: String, into out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out += "\\\"".utf8
            case UInt8(ascii: "\\"): out += "\\\\".utf8
            case 0x0a: out += "\\n".utf8
            case 0x0d: out += "\\r".utf8
            case 0x09: out += "\\t".utf8
            case let byte where needsEscape(byte):
                let digits = String(byte, radix: 16)
                out += "\\u".utf8
                out += repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
                out += digits.utf8
            default: out.append(byte)
            }
        }
    }
}
