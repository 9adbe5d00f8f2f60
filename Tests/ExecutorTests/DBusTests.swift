import Testing

@testable import Cgroups

@Suite("D-Bus as values") struct DBusTests {
    private static let everyType: [DBusValue] = [
        .byte(7), .bool(true), .int16(-2), .uint16(65_535), .int32(-3), .uint32(4_000_000_000), .int64(.min), .uint64(.max), .double(1.5),
        .string("é"), .objectPath("/a/b"), .signature("a(sv)"), .array(of: "s", []), .array(of: "t", [.uint64(1)]),
        .structure([.byte(1), .string("x")]), .variant(.array(of: "u", [.uint32(9)])),
        .array(of: "{sv}", [.entry(.string("k"), .variant(.bool(false)))]),
    ]

    @Test("every type comes back as it was written, whatever stands before it")
    func roundTrip() throws {
        for value in Self.everyType {
            for offset in 0..<8 {
                var encoder = DBusEncoder()
                for _ in 0..<offset { encoder.add(.byte(0xff)) }
                encoder.add(value)
                var decoder = DBusDecoder(encoder.bytes, from: offset)
                #expect(try decoder.value(value.signature) == value)
                #expect(decoder.position == encoder.bytes.count)
            }
        }
    }

    @Test("values are laid out as the specification's examples say")
    func layout() {
        func bytes(_ value: DBusValue) -> [UInt8] {
            var encoder = DBusEncoder()
            encoder.add(value)
            return encoder.bytes
        }
        #expect(bytes(.string("foo")) == [3, 0, 0, 0, 0x66, 0x6f, 0x6f, 0])
        #expect(bytes(.signature("su")) == [2, 0x73, 0x75, 0])
        // The length of an array leaves out what pads its first element.
        #expect(bytes(.array(of: "t", [.uint64(5)])) == [8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0])
        #expect(bytes(.array(of: "t", [])) == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(bytes(.variant(.byte(1))) == [1, 0x79, 0, 1])
        #expect(bytes(.bool(true)) == [1, 0, 0, 0])
    }

    @Test("a message comes back with its fields and its body, also from a big-endian peer")
    func message() throws {
        var message = DBusMessage(.call, serial: 5)
        message.path = "/org/freedesktop/systemd1"
        message.interface = "org.freedesktop.systemd1.Manager"
        message.member = "GetUnit"
        message.body = [.string("a.scope"), .uint32(1)]
        #expect(try DBusMessage(message.encoded) == message)
        #expect(try DBusMessage.size(Array(message.encoded.prefix(16))) == message.encoded.count)
        let big: [UInt8] = [
            0x42, 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 15, 5, 1, 0x75, 0, 0, 0, 0, 5, 8, 1, 0x67, 0, 1, 0x75, 0, 0, 0, 0, 1, 0,
        ]
        let reply = try DBusMessage(big)
        #expect(reply.kind == .reply && reply.serial == 9 && reply.replySerial == 5 && reply.body == [.uint32(256)])
    }

    @Test("a message that is cut off anywhere, or lies about a length, is an error and nothing else")
    func malformed() throws {
        var message = DBusMessage(.signal, serial: 1)
        message.member = "JobRemoved"
        message.body = Self.everyType
        let whole = message.encoded
        for count in 0..<whole.count { #expect(throws: DBusMalformed.self) { try DBusMessage(Array(whole[..<count])) } }
        for place in whole.indices {
            for value in [0, 0x7f, 0xff] as [UInt8] {
                var changed = whole
                changed[place] = value
                // Whatever it means now, it ends.
                _ = try? DBusMessage(changed)
            }
        }
        #expect(throws: DBusMalformed.self) {
            try DBusMessage.size([0x6c, 1, 0, 1, 0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 8))
        }
        for signature in ["(", "a", "()", "{sv}", "z", "a{s", String(repeating: "a", count: 64) + "s"] {
            #expect(throws: DBusMalformed.self) { try DBusSignature.types(signature) }
        }
    }

    @Test("of a list of addresses the Unix paths are taken, with their escapes")
    func addresses() {
        #expect(DBusAddress.paths("unix:path=/run/bus,guid=1;tcp:host=x;unix:abstract=/y;unix:path=/a%20b") == ["/run/bus", "/a b"])
        #expect(DBusAddress.paths("unix:path=relative;unix:path=/a%zz;unix:path=/a%00;nonsense;") == [])
        let found = DBusAddress.candidates(.user) { ["XDG_RUNTIME_DIR": "/run/user/7", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/b"][$0] }
        #expect(
            found.map(\.path) == ["/b", "/run/user/7/systemd/private", "/run/user/7/bus"] && found.map(\.isBus) == [true, false, true])
        #expect(DBusAddress.candidates(.user) { _ in nil }.isEmpty)
        #expect(DBusAddress.candidates(.system) { _ in nil }.map(\.path) == ["/run/systemd/private", "/run/dbus/system_bus_socket"])
    }
}
