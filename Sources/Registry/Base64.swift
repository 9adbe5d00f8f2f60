/// RFC 4648, section 4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let group = bytes[place..<min(place + 3, bytes.count)]
            var word = 0
            for index in 0..<3 { word = word << 8 | (index < group.count ? Int(group[place + index]) : 0) }
            for index in 0..<4 { result.append(index <= group.count ? alphabet[word >> (18 - 6 * index) & 63] : 0x3d) }
            place += 3
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil for what is not base64. Padding may be missing, as some programs write it.
    static func decode(_ text: String) -> [UInt8]? {
        var digits = Array(text.utf8)
        while digits.last == 0x3d { digits.removeLast() }
        guard digits.count % 4 != 1 else { return nil }
        var result: [UInt8] = []
        var (word, bits) = (0, 0)
        for byte in digits {
            guard let value = alphabet.firstIndex(of: byte) else { return nil }
            word = (word << 6 | value) & 0xffff
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(word >> bits & 255))
            }
        }
        return result
    }
}
