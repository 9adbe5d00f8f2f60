/// Values as bytes, little-endian (D-Bus Specification, "Marshaling"): each aligned to its own size from the start of the
/// message, strings with their length before and a zero behind.
struct DBusEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func align(_ size: Int) { while bytes.count % size != 0 { bytes.append(0) } }

    private mutating func add<T: FixedWidthInteger>(_ number: T) {
        align(T.bitWidth / 8)
        for shift in stride(from: 0, to: T.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ value: DBusValue) {
        switch value {
        case .byte(let byte): bytes.append(byte)
        case .bool(let flag): add(flag ? 1 as UInt32 : 0)
        case .int16(let number): add(number)
        case .uint16(let number): add(number)
        case .int32(let number): add(number)
        case .uint32(let number): add(number)
        case .int64(let number): add(number)
        case .uint64(let number): add(number)
        case .double(let number): add(number.bitPattern)
        case .string(let text), .objectPath(let text):
            add(UInt32(text.utf8.count))
            bytes += Array(text.utf8) + [0]
        case .signature(let text):
            bytes += [UInt8(text.utf8.count)] + Array(text.utf8) + [0]
        case .array(let element, let items): addArray(element, items)
        case .structure(let members):
            align(8)
            for member in members { add(member) }
        case .entry(let key, let value):
            align(8)
            add(key)
            add(value)
        case .variant(let inner):
            add(.signature(inner.signature))
            add(inner)
        }
    }

    /// The length does not count the padding before the first element, which is there even when there is none.
    private mutating func addArray(_ element: String, _ items: [DBusValue]) {
        add(0 as UInt32)
        let length = bytes.count - 4
        align(DBusEncoder.alignment(of: element))
        let start = bytes.count
        for item in items { add(item) }
        let count = UInt32(bytes.count - start)
        for number in 0..<4 { bytes[length + number] = UInt8(truncatingIfNeeded: count >> (8 * UInt32(number))) }
    }

    static func alignment(of type: String) -> Int {
        switch type.utf8.first {
        case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
        case UInt8(ascii: "b"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "s"), UInt8(ascii: "o"), UInt8(ascii: "a"),
            UInt8(ascii: "h"):
            4
        case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"), UInt8(ascii: "("), UInt8(ascii: "{"): 8
        default: 1
        }
    }
}
