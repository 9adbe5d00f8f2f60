import Testing

@testable import SPDY

func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.filter { !$0.isWhitespace })
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
}

/// Every event of these bytes, which arrive in pieces of this size.
func events(_ stream: [UInt8], piece: Int = .max) throws(SPDYError) -> [FrameEvent] {
    var decoder = FrameDecoder()
    var (found, rest): ([FrameEvent], ArraySlice<UInt8>) = ([], stream[...])
    while !rest.isEmpty {
        decoder.append(rest.prefix(piece))
        rest = rest.dropFirst(piece)
        while let event = try decoder.next() { found.append(event) }
    }
    return found
}

/// Pieces of the same data put together.
private func joined(_ events: [FrameEvent]) -> [FrameEvent] {
    var result: [FrameEvent] = []
    for event in events {
        if case .data(let stream, let more, let isLast) = event, case .data(stream, let bytes, false)? = result.last {
            result[result.count - 1] = .data(stream: stream, bytes + more, isLast: isLast)
        } else {
            result.append(event)
        }
    }
    return result
}

@Suite("SPDY's frames") struct FrameTests {
    @Test("the dictionary is that of SPDY/3: its length, and the checksum that a stream of zlib names it by") func dictionary() {
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in HeaderDictionary.bytes { (low, high) = ((low + UInt32(byte)) % 65521, (high + low + UInt32(byte)) % 65521) }
        #expect(HeaderDictionary.bytes.count == 1423)
        #expect(high << 16 | low == 0xe3c6_a7c2)
        // RFC 1950: the second byte's bit 5 says that the checksum follows.
        let first = HeaderDeflater().deflate([0, 0, 0, 0])
        #expect(first[1] & 0x20 != 0 && Array(first[2..<6]) == [0xe3, 0xc6, 0xa7, 0xc2])
    }

    /// By the tables of section 2 of the specification; none has headers.
    private static let plain: [(Frame, String)] = [
        (.reset(stream: 3, .cancel), "8003 0003 00 000008 00000003 00000005"),
        (
            .settings([.init(flags: 1, id: 4, value: 100), .init(id: 7, value: 65536)]),
            "8003 0004 00 000014 00000002 01000004 00000064 00000007 00010000"
        ),
        (.settings([]), "8003 0004 00 000004 00000000"), (.ping(1), "8003 0006 00 000004 00000001"),
        (.goAway(lastStream: 7, .protocolError), "8003 0007 00 000008 00000007 00000001"),
        (.windowUpdate(stream: 1, delta: 0x7fff_ffff), "8003 0009 00 000008 00000001 7fffffff"),
    ]

    @Test("control frames are as the specification draws them, both ways", arguments: plain)
    func plainFrames(_ frame: Frame, _ hex: String) throws {
        var encoder = FrameEncoder()
        #expect(encoder.encode(frame) == bytes(hex))
        #expect(try events(bytes(hex)) == [.frame(frame)])
    }

    @Test("headers that another implementation compressed are read, one block behind the other") func strangersBlocks() throws {
        // Python: `zlib.compressobj(9, zlib.DEFLATED, 15, 9, 0, dictionary)`, each block ended by Z_SYNC_FLUSH.
        let blocks = [
            "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff",
            "02a54748d15c04ce0516061606409ab308129599a024ce6880a119540e2502000000ffff",
        ]
        let inflater = HeaderInflater()
        var found: [Headers?] = []
        for block in blocks { found.append(Headers(block: try inflater.inflate(bytes(block)[...]))) }
        #expect(found == [["streamtype": "error"], ["port": "8080", "requestid": "0", "streamtype": "data"]])
        // Not to be read without the one before.
        #expect(throws: SPDYError.self) { try HeaderInflater().inflate(bytes(blocks[1])[...]) }
    }

    @Test("frames with headers come back as they were, however they are cut", arguments: [1, 2, 7, 64, 10_000])
    func headers(_ piece: Int) throws {
        let frames: [Frame] = [
            .synStream(.init(stream: 1, headers: ["StreamType": "error"])),
            .synStream(.init(stream: 3, associated: 1, priority: 7, headers: ["streamtype": "stdin"], isLast: true)),
            .synStream(.init(stream: 5, headers: [:], isUnidirectional: true)),
            .synReply(stream: 1, ["a": "b\0c", "b": ""], isLast: true), .headers(stream: 3, ["ä": "ö"], isLast: false),
            .headers(stream: 3, ["long": String(repeating: "x", count: 20_000)], isLast: true),
        ]
        var encoder = FrameEncoder()
        let encoded = frames.flatMap { encoder.encode($0) }
        #expect(try events(encoded, piece: piece) == frames.map { .frame($0) })
        let several: Headers = ["a": "b\0c"]
        #expect(several["a"] == "b")
    }

    @Test("data are handed on as they come, and the last piece says so", arguments: [1, 3, 9, 10_000])
    func data(_ piece: Int) throws {
        let stream = bytes("00000001 00 000003 616263  00000003 01 000000  00000001 01 000002 6465  00000005 00 000000")
        #expect(
            joined(try events(stream, piece: piece)) == [
                .data(stream: 1, Array("abc".utf8), isLast: false), .data(stream: 3, [], isLast: true),
                .data(stream: 1, Array("de".utf8), isLast: true), .data(stream: 5, [], isLast: false),
            ])
        #expect(FrameEncoder.dataHead(stream: 1, count: 2, isLast: true) == bytes("00000001 01 000002"))
    }

    @Test("a length in a data frame's head reserves nothing") func dataAhead() throws {
        var decoder = FrameDecoder()
        decoder.append(bytes("00000001 00 ffffff 61"))
        let first = try decoder.next()
        let second = try decoder.next()
        #expect(first == .data(stream: 1, [0x61], isLast: false) && second == nil && decoder.held == 0)
    }

    @Test("a kind of frame that is not known is skipped, without being held", arguments: [1, 5, 1000])
    func unknown(_ piece: Int) throws {
        let filler = String(repeating: "aa", count: 300)
        #expect(try events(bytes("8003 000a 00 00012c \(filler) 8003 0006 00 000004 00000001"), piece: piece) == [.frame(.ping(1))])
        var decoder = FrameDecoder()
        decoder.append(bytes("8003 0005 00 ffffff \(filler)"))
        let event = try decoder.next()
        #expect(event == nil && decoder.held == 0)
    }

    @Test(
        "what no frame is ends the connection",
        arguments: [
            ("8002 0001 00 00000a", .version(2)), ("8003 0001 00 004001", .tooLong(kind: 1, length: 16385)),
            ("8003 0001 00 000009 000000000000000000", .wrongLength(kind: 1, length: 9)),
            ("8003 0002 00 000003 000001", .wrongLength(kind: 2, length: 3)),
            ("8003 0003 00 000004 00000001", .wrongLength(kind: 3, length: 4)),
            ("8003 0003 00 000008 00000000 00000001", .streamZero(kind: 3)),
            ("8003 0004 00 000004 00000001", .wrongLength(kind: 4, length: 4)),
            ("8003 0004 00 000004 ffffffff", .wrongLength(kind: 4, length: 4)), ("8003 0006 00 000000", .wrongLength(kind: 6, length: 0)),
            ("8003 0007 00 000004 00000001", .wrongLength(kind: 7, length: 4)),
            ("8003 0009 00 000009 000000010000000100", .wrongLength(kind: 9, length: 9)), ("00000000 00 000001", .streamZero(kind: 0)),
            ("8003 0001 00 00000a 00000000 00000000 0000", .streamZero(kind: 1)),
            ("8003 0001 00 000012 00000001 00000000 0000 ffffffffffffffff", .compression("the stream of zlib is damaged")),
            // A stream of zlib with another dictionary, and one that ends in its first block.
            ("8003 0002 00 00000c 00000001 78bb 00000001 6260", .compression("compressed with another dictionary")),
            ("8003 0002 00 00000c 00000001 789c 0300 00000001", .compression("the stream of zlib has ended")),
        ] as [(String, SPDYError)])
    func refusals(_ hex: String, _ error: SPDYError) {
        #expect(throws: error) { try events(bytes(hex)) }
        #expect("\(error)".hasPrefix("SPDY: "))
    }

    @Test("a small block that becomes a large one is refused") func bomb() throws {
        // 100 KiB of one letter fit into some hundred bytes.
        let headers: Headers = ["a": String(repeating: "x", count: 100 << 10)]
        var encoder = FrameEncoder()
        let frame = encoder.encode(.synStream(.init(stream: 1, headers: headers)))
        #expect(frame.count < 1000)
        #expect(throws: SPDYError.blockTooLarge(limit: 64 << 10)) { try events(frame) }
    }

    @Test(
        "headers that cannot be taken are their stream's error alone",
        arguments: [
            [0], [0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 1, 0x61], [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x61], [0xff, 0xff, 0xff, 0xff],
            // Upper case, an empty name, one name twice, no UTF-8, more than was said.
            [0, 0, 0, 1, 0, 0, 0, 1, 0x41, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 2, 0, 0, 0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0, 0, 0, 0],
            [0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func badBlocks(_ block: [UInt8]) throws {
        let deflater = HeaderDeflater()
        func frame(_ stream: UInt8, _ block: [UInt8]) -> [UInt8] {
            let body = [0, 0, 0, stream, 0, 0, 0, 0, 0, 0] + deflater.deflate(block)
            return [0x80, 3, 0, 1, 0, 0, 0, UInt8(body.count)] + body
        }
        let stream = frame(1, block) + frame(3, Headers(dictionaryLiteral: ("a", "b")).block)
        #expect(try events(stream) == [.refused(stream: 1), .frame(.synStream(.init(stream: 3, headers: ["a": "b"])))])
    }
}
