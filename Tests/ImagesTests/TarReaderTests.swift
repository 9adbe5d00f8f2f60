import LinuxSys
import Testing

@testable import Images

private func read(_ bytes: [UInt8], piece: Int = .max, limits: UnpackLimits = UnpackLimits()) throws -> [(
    entry: TarEntry, content: [UInt8]
)] {
    var reader = TarReader(MemorySource(bytes, piece: piece), subject: "test", limits: limits)
    var result: [(TarEntry, [UInt8])] = []
    while let entry = try reader.next() {
        var content: [UInt8] = []
        while true {
            let bytes = try reader.content()
            if bytes.isEmpty { break }
            content += bytes
        }
        result.append((entry, content))
    }
    try reader.drain()
    return result
}

@Suite("tar reader") struct TarReaderTests {
    private static var sample: [TarWriter.Member] {
        [
            .directory("d/", mode: 0o1777), .file("d/f", "hello", mode: 0o4755, uid: 7, gid: 8), .symlink("d/s", to: "../x"),
            .hardLink("d/h", to: "d/f"),
            TarWriter.Member(path: "c", type: "3", mode: 0o600, major: 5, minor: 1), TarWriter.Member(path: "p", type: "6"),
        ]
    }

    @Test("the ustar kinds come out as they went in, however the stream is cut", arguments: [1, 7, 511, 512, 513, 100_000])
    func kinds(_ piece: Int) throws {
        let entries = try read(TarWriter(Self.sample).bytes, piece: piece)
        #expect(entries.map(\.entry.kind) == [.directory, .file, .symlink, .hardLink, .characterDevice, .fifo])
        #expect(entries[0].entry.mode == 0o1777)
        #expect(entries[1].entry.mode == 0o4755 && entries[1].entry.uid == 7 && entries[1].entry.gid == 8)
        #expect(entries[1].content == Array("hello".utf8))
        #expect(entries[2].entry.linkTarget == Array("../x".utf8))
        #expect(entries[4].entry.major == 5 && entries[4].entry.minor == 1)
    }

    @Test("cut off anywhere but between entries it is an error, never a crash and never a whole archive")
    func truncated() throws {
        let members =
            Self.sample + [TarWriter.Member(path: "big", content: [UInt8](repeating: 9, count: 1500), pax: [("mtime", Array("12.5".utf8))])]
        let whole = TarWriter(members, ended: false).bytes
        var boundaries: Set<Int> = [0]
        for (number, member) in members.enumerated() {
            let end = TarWriter(Array(members.prefix(number + 1)), ended: false).bytes.count
            // The zeros after a file's content may be missing.
            boundaries.formUnion((end - (512 - member.content.count % 512) % 512)...end)
        }
        for length in stride(from: 0, to: whole.count, by: 64) where !boundaries.contains(length) {
            #expect(throws: ImageError.self, "at \(length)") { try read(Array(whole.prefix(length))) }
        }
        for length in boundaries { _ = try read(Array(whole.prefix(length))) }
    }

    @Test("every flipped byte of a header is found by the checksum or changes nothing else than it says")
    func flipped() throws {
        let whole = TarWriter([.file("name", "x")]).bytes
        for place in 0..<500 {
            var bytes = whole
            bytes[place] ^= 0x15
            #expect(throws: ImageError.self, "at \(place)") { try read(bytes) }
        }
    }

    @Test("pax records give long names, fractions of a second, ids and extended attributes")
    func pax() throws {
        let name = String(repeating: "n", count: 300)
        let value: [UInt8] = [1, 0, 0, 2, 0x3d, 0x0a, 0xff]
        let member = TarWriter.Member(
            path: "short", content: [1, 2, 3],
            pax: [
                ("path", Array(name.utf8)), ("mtime", Array("1234567890.123456789".utf8)), ("uid", Array("4000000000".utf8)),
                ("SCHILY.xattr.user.a=b", [1]), ("SCHILY.xattr.security.capability", value),
            ])
        let entry = try read(TarWriter([member]).bytes)[0].entry
        #expect(entry.path == Array(name.utf8))
        #expect(entry.modify == FileTime(seconds: 1_234_567_890, nanoseconds: 123_456_789))
        #expect(entry.uid == 4_000_000_000)
        #expect(entry.attributes.contains(ExtendedAttribute(name: "security.capability", value: value)))
    }

    @Test(
        "times before 1970 count downwards",
        arguments: [("-1.25", -2, 750_000_000), ("-3", -3, 0), ("0.000000001", 0, 1)] as [(String, Int64, UInt32)])
    func times(_ text: String, _ seconds: Int64, _ nanoseconds: UInt32) throws {
        let entry = try read(TarWriter([TarWriter.Member(path: "f", pax: [("mtime", Array(text.utf8))])]).bytes)[0].entry
        #expect(entry.modify == FileTime(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test("GNU's long names and links stand before their entry")
    func gnuLong() throws {
        let long = Array(String(repeating: "l", count: 200).utf8)
        var writer = TarWriter(ended: false)
        writer.append(TarWriter.header(.init(path: "././@LongLink", type: "L"), size: 201), long + [0])
        writer.append(TarWriter.header(.init(path: "././@LongLink", type: "K"), size: 201), long + [0])
        writer.add(.symlink("x", to: "y"))
        let entry = try read(writer.bytes)[0].entry
        #expect(entry.path == long && entry.linkTarget == long)
    }

    @Test("numbers in base 256, and ids that are none")
    func base256() throws {
        let big = try read(TarWriter([.init(path: "f", uidField: [0x80, 0, 0, 0, 0x80, 0, 0, 1])]).bytes)[0].entry
        #expect(big.uid == 0x8000_0001)
        for field: [UInt8] in [
            [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 1, 0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            #expect(throws: ImageError.self) { try read(TarWriter([.init(path: "f", uidField: field)]).bytes) }
        }
    }

    @Test("sparse files in GNU's old format and in the pax formats")
    func sparse() throws {
        let parts = [SparsePart(offset: 512, length: 512), SparsePart(offset: 4096, length: 100)]
        let data = [UInt8](repeating: 7, count: 612)
        var old = TarWriter.header(.init(path: "old", type: "S", magic: Array("ustar  \0".utf8)), size: 612)
        for (place, text) in [(386, "00000001000"), (398, "00000001000"), (410, "00000010000"), (422, "00000000144"), (483, "00000010144")]
        {
            for (offset, byte) in text.utf8.enumerated() { old[place + offset] = byte }
        }
        TarWriter.seal(&old)
        var writer = TarWriter(ended: false)
        writer.append(old, data)
        var map = Array("2\n512\n512\n4096\n100\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        func text(_ number: Int) -> [UInt8] { Array(String(number).utf8) }
        writer.add(
            .init(
                path: "x", content: map + data,
                pax: [
                    ("GNU.sparse.major", text(1)), ("GNU.sparse.minor", text(0)), ("GNU.sparse.name", Array("one".utf8)),
                    ("GNU.sparse.realsize", text(4196)),
                ]))
        writer.add(
            .init(path: "tenth", content: data, pax: [("GNU.sparse.size", text(4196)), ("GNU.sparse.map", Array("512,512,4096,100".utf8))]))
        writer.add(
            .init(
                path: "zeroth", content: data,
                pax: [
                    ("GNU.sparse.size", text(4196)), ("GNU.sparse.numblocks", text(2)), ("GNU.sparse.offset", text(512)),
                    ("GNU.sparse.numbytes", text(512)), ("GNU.sparse.offset", text(4096)), ("GNU.sparse.numbytes", text(100)),
                ]))
        let entries = try read(writer.bytes)
        #expect(entries.count == 4)
        for (entry, content) in entries {
            #expect(entry.parts == parts, "\(entry.shownPath)")
            #expect(entry.size == 4196 && content == data)
        }
    }

    @Test(
        "a sparse map that leads out of its file, or overlaps, is refused",
        arguments: ["0,612,600,0", "0,700", "0,512,256,100", "5000,612", "0,612,7"])
    func badSparse(_ map: String) {
        let member = TarWriter.Member(
            path: "f", content: [UInt8](repeating: 1, count: 612),
            pax: [("GNU.sparse.size", Array("4196".utf8)), ("GNU.sparse.map", Array(map.utf8))])
        #expect(throws: ImageError.self) { try read(TarWriter([member]).bytes) }
    }

    @Test("limits on entries, sizes, names and extended headers hold")
    func limits() {
        var limits = UnpackLimits()
        limits.entries = 2
        limits.fileSize = 1000
        limits.headerSize = 600
        for members: [TarWriter.Member] in [
            [.file("a", ""), .file("b", ""), .file("c", "")], [.init(path: "f", content: [UInt8](repeating: 0, count: 1001))],
            [.init(path: "f", pax: [("comment", [UInt8](repeating: 0x61, count: 700))])],
        ] {
            #expect(throws: ImageError.self) { try read(TarWriter(members).bytes, limits: limits) }
        }
        #expect(throws: ImageError.self) {
            try read(TarWriter([.init(path: "f", pax: [("path", [UInt8](repeating: 0x61, count: 5000))])]).bytes)
        }
    }

    @Test("an entry type that is not known is named")
    func unknownType() {
        #expect { try read(TarWriter([.init(path: "v", type: "V")]).bytes) } throws: { "\($0)".contains("entry type `V`") }
    }
}
