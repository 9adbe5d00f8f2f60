/// The address of content (image-spec, descriptor.md "Digests"): `sha256:` or `sha512:` and lower-case hexadecimal digits of the right number.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package enum Algorithm: String, Sendable {
        case sha256
        case sha512

        /// Hexadecimal digits of one digest.
        package var digits: Int { self == .sha256 ? 64 : 128 }
    }
    package let algorithm: Algorithm
    package let hex: String

    /// Nil for an algorithm that is not known, and for anything that is not exactly a digest.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = Algorithm(rawValue: String(parts[0])) else { return nil }
        guard parts[1].utf8.count == algorithm.digits, parts[1].utf8.allSatisfy(Self.isDigit) else { return nil }
        self.algorithm = algorithm
        hex = String(parts[1])
    }

    /// Of a computed hash.
    package init(_ algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        let table = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(algorithm.digits)
        for byte in bytes {
            text.append(table[Int(byte >> 4)])
            text.append(table[Int(byte & 15)])
        }
        self.algorithm = algorithm
        hex = String(decoding: text, as: UTF8.self)
    }

    package var description: String { "\(algorithm.rawValue):\(hex)" }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
}

extension JSONField {
    /// A digest that is there and well-formed.
    package func digest() throws(FieldError) -> Digest {
        let text = try string()
        guard let digest = Digest(text) else { throw FieldError(path, "`\(text.prefix(80))` is not a sha256 or sha512 digest") }
        return digest
    }
}
