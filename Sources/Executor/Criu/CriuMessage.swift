/// The little of protobuf's wire format (protobuf.dev, "Encoding") that criu's service needs: numbers, flags, texts, messages in messages.
struct ProtobufWriter: Equatable {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ field: UInt32, _ number: Int64) {
        key(field, wire: 0)
        // Negative numbers are written in ten bytes, as 64 bits of two's complement.
        varint(UInt64(bitPattern: number))
    }

    mutating func put(_ field: UInt32, _ flag: Bool) { put(field, flag ? 1 : 0) }
    mutating func put(_ field: UInt32, _ text: String) { put(field, Array(text.utf8)) }

    mutating func put(_ field: UInt32, _ body: (inout ProtobufWriter) -> Void) {
        var message = ProtobufWriter()
        body(&message)
        put(field, message.bytes)
    }

    private mutating func put(_ field: UInt32, _ content: [UInt8]) {
        key(field, wire: 2)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ field: UInt32, wire: UInt64) { varint(UInt64(field) << 3 | wire) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// A message taken apart. Of a field that is there twice the last one counts.
struct ProtobufMessage: Equatable {
    private var numbers: [UInt64: UInt64] = [:]
    private var contents: [UInt64: [UInt8]] = [:]

    /// Nil when the bytes are no message.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let key = Self.varint(&rest) else { return nil }
            switch key & 7 {
            case 0:
                guard let value = Self.varint(&rest) else { return nil }
                numbers[key >> 3] = value
            case 1, 5:
                let size = key & 7 == 1 ? 8 : 4
                guard rest.count >= size else { return nil }
                rest = rest.dropFirst(size)
            case 2:
                guard let size = Self.varint(&rest), size <= UInt64(rest.count) else { return nil }
                contents[key >> 3] = Array(rest.prefix(Int(size)))
                rest = rest.dropFirst(Int(size))
            default: return nil
            }
        }
    }

    func int32(_ field: UInt64) -> Int32? { numbers[field].map { Int32(truncatingIfNeeded: $0) } }
    func flag(_ field: UInt64) -> Bool { numbers[field].map { $0 != 0 } ?? false }
    func text(_ field: UInt64) -> String? { contents[field].map { String(decoding: $0, as: UTF8.self) } }
    func message(_ field: UInt64) -> ProtobufMessage? { contents[field].flatMap { ProtobufMessage($0) } }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
