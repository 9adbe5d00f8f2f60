/// What a server asks for with 401 (RFC 9110, 11.6.1; distribution-spec, auth): `Bearer realm="…",service="…",scope="…"` or `Basic realm="…"`.
struct Challenge: Equatable, Sendable {
    /// Lower case.
    let scheme: String
    /// Names in lower case.
    let parameters: [String: String]

    /// Every challenge of the WWW-Authenticate headers. What is malformed ends the parse of that header.
    static func all(_ headers: [String]) -> [Challenge] {
        var found: [Challenge] = []
        for header in headers where header.utf8.count <= 16_384 {
            var parser = Parser(Array(header.utf8))
            while let challenge = parser.challenge() { found.append(challenge) }
        }
        return found
    }

    private struct Parser {
        private let bytes: [UInt8]
        private var place = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

        private mutating func skip(_ wanted: UInt8...) { while let byte = next, wanted.contains(byte) { place += 1 } }

        private mutating func token() -> String? {
            let start = place
            while let byte = next, byte > 0x20, byte < 0x7f, !Array("()<>@,;:\\\"/[]?={}".utf8).contains(byte) { place += 1 }
            return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
        }

        private mutating func value() -> String? {
            guard next == 0x22 else { return token() }
            place += 1
            var text: [UInt8] = []
            while let byte = next {
                place += 1
                if byte == 0x22 { return String(decoding: text, as: UTF8.self) }
                if byte == 0x5c {
                    guard let escaped = next else { return nil }
                    text.append(escaped)
                    place += 1
                } else {
                    text.append(byte)
                }
            }
            return nil
        }

        mutating func challenge() -> Challenge? {
            skip(0x20, 0x09, 0x2c)
            guard let scheme = token() else { return nil }
            var parameters: [String: String] = [:]
            while true {
                let start = place
                skip(0x20, 0x09, 0x2c)
                guard let name = token() else { break }
                skip(0x20, 0x09)
                guard next == 0x3d else {
                    // The next challenge begins with a word that no `=` follows.
                    place = start
                    break
                }
                place += 1
                skip(0x20, 0x09)
                guard let value = value() else { return nil }
                parameters[name.lowercased()] = value
            }
            return Challenge(scheme: scheme.lowercased(), parameters: parameters)
        }
    }
}
