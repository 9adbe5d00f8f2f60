import OCI
import Testing

@Suite("JSON") struct JSONTests {
    private func parse(_ text: String, depth: Int = 128) throws(JSONError) -> JSON { try JSON(parsing: Array(text.utf8), depth: depth) }

    @Test(
        "values are read as they are",
        arguments: [
            ("null", .null), (" true ", true), ("-0", 0), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .unsigned(1 << 63)), ("18446744073709551615", .unsigned(.max)),
            ("18446744073709551616", .number(18_446_744_073_709_551_616)),
            ("1.5e2", .number(150)), ("1e0", .number(1)), ("[]", []), ("{}", [:]), ("[1,[2],{\"a\":null}]", [1, [2], ["a": nil]]),
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u20AC""#, "é€"), (#""\ud83d\ude00""#, "😀"), ("\"é€😀\"", "é€😀"),
            (#""a\u0000b""#, "a\u{0}b"), ("\"\"", ""), ("\"plain\\ntail\"", "plain\ntail"),
        ] as [(String, JSON)])
    func values(_ text: String, _ value: JSON) throws { #expect(try parse(text) == value) }

    @Test(
        "what is not JSON is refused, at the byte where it goes wrong",
        arguments: [
            ("", 0), ("{]", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("{a:1}", 1), ("tru", 3), ("truee", 4),
            ("nul1", 3),
            ("01", 1), ("+1", 0), ("1.", 2), (".5", 0), ("1e", 2), ("1e+", 3), ("-", 1), ("1e999", 5), ("\"abc", 4), ("\"a\nb\"", 3),
            (#""\x""#, 3),
            (#""\u12g4""#, 5), (#""\ud800""#, 7), (#""\ud800\u0041""#, 13), (#""\udc00""#, 7), ("1 2", 2), ("\u{feff}1", 0), ("NaN", 0),
            ("'a'", 0),
            ("// c\n1", 0), ("[", 1), ("{\"a\":", 5), ("[1", 2), ("{\"a\"", 4),
        ])
    func malformed(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONError.self) { try parse(text) }
        #expect(error?.offset == offset)
    }

    @Test("an error says the line and the column")
    func place() {
        let error = #expect(throws: JSONError.self) { try parse("{\n  \"é\": 1,\n  nope\n}") }
        #expect(error?.line == 3 && error?.column == 3)
        #expect(error?.description == "invalid JSON at line 3, column 3: a member's name expected")
        #expect(#expect(throws: JSONError.self) { try parse("") }?.description.contains("line 1, column 1") == true)
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]] as [[UInt8]])
    func encoding(_ bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22] + bytes + [0x22]) }
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0x5c, 0x6e] + bytes + [0x22]) }
    }

    @Test("a member that is there twice is refused, in small objects and large ones")
    func duplicates() {
        #expect(throws: JSONError.self) { try parse(#"{"a":1,"a":2}"#) }
        #expect(throws: JSONError.self) { try parse(#"{"a":1,"\u0061":2}"#) }
        let many = (0..<1000).map { "\"m\($0)\":0" }.joined(separator: ",")
        #expect(throws: JSONError.self) { try parse("{\(many),\"m500\":1}") }
        #expect(throws: Never.self) { try parse("{\(many)}") }
    }

    @Test("nesting has a limit, and a document full of brackets does not exhaust the stack")
    func depth() throws {
        let nested = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(throws: Never.self) { try parse(nested(128)) }
        #expect(throws: JSONError.self) { try parse(nested(129)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try parse("[[1]]", depth: 2) }
    }

    @Test("a document with a hundred thousand members is read in time that grows with its length")
    func largeObject() throws {
        let document = try parse("{" + (0..<100_000).map { "\"member \($0)\":\"\($0)\"" }.joined(separator: ",") + "}")
        #expect(try JSONField(document).stringMap().count == 100_000)
    }

    @Test("every beginning of a document is an error and never a crash")
    func truncations() throws {
        let bytes = Example.document.encoded(pretty: true)
        for count in bytes.indices { #expect(throws: JSONError.self) { try JSON(parsing: Array(bytes[..<count])) } }
        #expect(try JSON(parsing: bytes) == JSON(parsing: Example.document.encoded()))
    }

    @Test("a document with any byte changed is read or refused and never a crash")
    func mutations() {
        let bytes = Example.document.encoded()
        for place in stride(from: 0, to: bytes.count, by: 2) {
            for value in [0x00, 0x22, 0x5c, 0x7d, 0xff] as [UInt8] {
                var changed = bytes
                changed[place] = value
                guard let document = try? JSON(parsing: changed) else { continue }
                _ = try? RuntimeSpec(JSONField(document))
            }
        }
    }

    @Test(
        "what is written is read again as the same value",
        arguments: [Example.document, ["a\u{1f}\u{7f}\"\\/é😀": [1, -1, .unsigned(.max), .number(0.5), nil]], [[], [:]]])
    func roundTrip(_ document: JSON) throws {
        for pretty in [false, true] {
            let bytes = document.encoded(pretty: pretty)
            #expect(try JSON(parsing: bytes).encoded(pretty: pretty) == bytes)
        }
    }

    @Test("integers of any width are taken only when they fit")
    func integers() throws {
        let field = JSONField(["a": 256, "b": .number(1.5), "c": .number(7), "d": .unsigned(.max), "e": "1"])
        #expect(throws: FieldError("a", "is outside 0 … 255")) { try field.member("a").integer(UInt8.self) }
        #expect(throws: FieldError.self) { try field.member("b").integer(Int.self) }
        #expect(try field.member("c").integer(Int.self) == 7)
        #expect(try field.member("d").integer(UInt64.self) == .max)
        #expect(throws: FieldError("e", "a number expected, found a string")) { try field.member("e").integer(Int.self) }
        #expect(throws: FieldError("f.g", "is missing")) { try field.member("f").member("g").integer(Int.self) }
    }
}
