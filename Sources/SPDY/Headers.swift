/// Names and values of a stream, in the order in which they came.
///
///     0   4  number of pairs
///         4  length of the name, then the name, in lower case
///         4  length of the value, then the value: several are separated by zero bytes
package struct Headers: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    package struct Field: Equatable, Sendable {
        package var name: String
        /// All values, with zero bytes between them.
        package var value: String
    }

    package private(set) var fields: [Field] = []

    /// Names are in lower case on the wire, whatever they are here.
    package init(dictionaryLiteral fields: (String, String)...) {
        self.fields = fields.map { Field(name: $0.lowercased(), value: $1) }
    }

    /// The first value of this name, which is in lower case.
    package subscript(name: String) -> String? {
        fields.first { $0.name == name }.map { String($0.value.prefix { $0 != "\0" }) }
    }

    /// What a block may have. A browser's are some dozens; Kubernetes' are three.
    package static let most = 128

    /// From a block that is not compressed any more. Nil: it is none, or what it says is refused (2.6.10: no name twice, none that is empty
    /// or in upper case).
    init?(block: [UInt8]) {
        var reader = BlockReader(block)
        guard let count = reader.number(), count <= Self.most else { return nil }
        var names: Set<String> = []
        for _ in 0..<count {
            guard let name = reader.text(), let value = reader.text(), !name.isEmpty,
                !name.utf8.contains(where: { (0x41...0x5a).contains($0) || $0 < 0x21 }), names.insert(name).inserted
            else { return nil }
            fields.append(Field(name: name, value: value))
        }
        guard reader.isAtEnd else { return nil }
    }

    var block: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: UInt32(fields.count))
        for text in fields.flatMap({ [$0.name, $0.value] }) {
            bytes.append(number: UInt32(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
        return bytes
    }
}

private struct BlockReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func number() -> Int? {
        guard bytes.count - place >= 4 else { return nil }
        defer { place += 4 }
        return Int(bytes.number(at: place))
    }

    /// Nil also for what is not UTF-8.
    mutating func text() -> String? {
        guard let length = number(), length <= bytes.count - place else { return nil }
        defer { place += length }
        return String(validating: bytes[place..<place + length], as: UTF8.self)
    }
}

extension [UInt8] {
    func number(at place: Int) -> UInt32 { self[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    mutating func append(number: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
