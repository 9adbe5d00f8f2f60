/// One message (D-Bus Specification, "Message Format"):
///
///     byte  order ('l' or 'B')   byte  kind   byte  flags   byte  1
///     u32   length of the body   u32   serial
///     a(yv) fields, padded to 8  body
struct DBusMessage: Equatable, Sendable {
    enum Kind: UInt8, Sendable { case call = 1, reply = 2, failure = 3, signal = 4 }
    private enum Field: UInt8 {
        case path = 1, interface, member, failureName, replySerial, destination, sender, signature
    }

    var kind: Kind
    var serial: UInt32
    var path: String?
    var interface: String?
    var member: String?
    var failureName: String?
    var replySerial: UInt32?
    var destination: String?
    var body: [DBusValue] = []

    /// The longest that is taken: far more than systemd has to say here.
    static let longest = 4 << 20
    static let fixedSize = 16

    init(_ kind: Kind, serial: UInt32) {
        self.kind = kind
        self.serial = serial
    }

    var encoded: [UInt8] {
        var content = DBusEncoder()
        for value in body { content.add(value) }
        var fields: [DBusValue] = []
        func add(_ field: Field, _ value: DBusValue?) {
            if let value { fields.append(.structure([.byte(field.rawValue), .variant(value)])) }
        }
        add(.path, path.map { .objectPath($0) })
        add(.interface, interface.map { .string($0) })
        add(.member, member.map { .string($0) })
        add(.failureName, failureName.map { .string($0) })
        add(.replySerial, replySerial.map { .uint32($0) })
        add(.destination, destination.map { .string($0) })
        add(.signature, body.isEmpty ? nil : .signature(body.map(\.signature).joined()))
        var message = DBusEncoder()
        for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { message.add(.byte(byte)) }
        message.add(.uint32(UInt32(content.bytes.count)))
        message.add(.uint32(serial))
        message.add(.array(of: "(yv)", fields))
        message.align(8)
        return message.bytes + content.bytes
    }

    /// The size of the whole message, by its first sixteen bytes.
    static func size(_ head: [UInt8]) throws(DBusMalformed) -> Int {
        let isBigEndian = try isBigEndian(head)
        var decoder = DBusDecoder(head, from: 4, bigEndian: isBigEndian)
        let body = Int(try decoder.number(UInt32.self))
        _ = try decoder.number(UInt32.self)
        let fields = Int(try decoder.number(UInt32.self))
        let size = (fixedSize + fields + 7) / 8 * 8 + body
        guard fields <= longest, body <= longest, size <= longest else { throw DBusMalformed("a message of \(size) bytes") }
        return size
    }

    private static func isBigEndian(_ head: [UInt8]) throws(DBusMalformed) -> Bool {
        guard head.count >= fixedSize, head[3] == 1 else { throw DBusMalformed("no message of protocol version 1") }
        switch head[0] {
        case UInt8(ascii: "l"): return false
        case UInt8(ascii: "B"): return true
        default: throw DBusMalformed("no message")
        }
    }

    init(_ bytes: [UInt8]) throws(DBusMalformed) {
        guard try Self.size(bytes) == bytes.count else { throw DBusMalformed("a message that ends early") }
        guard let kind = Kind(rawValue: bytes[1]) else { throw DBusMalformed("a message of kind \(bytes[1])") }
        self.kind = kind
        var decoder = DBusDecoder(bytes, from: 8, bigEndian: try Self.isBigEndian(bytes))
        serial = try decoder.number()
        guard case .array(_, let fields) = try decoder.value("a(yv)") else { throw DBusMalformed("a message without fields") }
        var signature = ""
        for field in fields {
            guard case .structure(let pair) = field, pair.count == 2, case .byte(let code) = pair[0], case .variant(let value) = pair[1]
            else { continue }
            // Fields that are not known are to be ignored.
            switch Field(rawValue: code) {
            case .path: path = value.text
            case .interface: interface = value.text
            case .member: member = value.text
            case .failureName: failureName = value.text
            case .replySerial: if case .uint32(let number) = value { replySerial = number }
            case .destination: destination = value.text
            case .signature: signature = value.text ?? ""
            case .sender, nil: break
            }
        }
        try decoder.align(8)
        for type in try DBusSignature.types(signature) { body.append(try decoder.value(type)) }
        guard decoder.position == bytes.count else { throw DBusMalformed("a body longer than its signature") }
    }
}
