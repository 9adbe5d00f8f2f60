import OCI
import Testing

@testable import Images

private func unpack(_ bytes: [UInt8], _ compression: Compression, piece: Int = .max) throws -> [UInt8] {
    var source = try UnpackedSource(MemorySource(bytes, piece: piece), compression, subject: "test")
    var result: [UInt8] = []
    while true {
        let next = try source.next()
        if next.isEmpty { return result }
        result += next
    }
}

@Suite("compressed streams", .enabled(if: hasTools("gzip", "zstd"), "gzip and zstd make the streams")) struct CompressionTests {
    /// Neither all equal nor random, and longer than the decoder's buffers.
    let text: [UInt8] = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    private func pack(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
        try run(compression.rawValue, ["-c"], input: bytes)
    }

    @Test(
        "streams of one and of several members come out whole, however they are cut", arguments: [Compression.gzip, .zstd],
        [1 << 20, 4099, 13])
    func members(_ compression: Compression, _ piece: Int) throws {
        let half = text.count / 2
        let several = try pack(Array(text[..<half]), compression) + pack([], compression) + pack(Array(text[half...]), compression)
        let expected = StreamHash.digest(.sha256, of: text)
        #expect(StreamHash.digest(.sha256, of: try unpack(several, compression, piece: piece)) == expected)
        #expect(StreamHash.digest(.sha256, of: try unpack(try pack(text, compression), compression, piece: piece)) == expected)
    }

    @Test("cut off, changed, or with something after the end it is an error", arguments: [Compression.gzip, .zstd])
    func damaged(_ compression: Compression) throws {
        let packed = try pack(Array(text.prefix(20_000)), compression)
        for length in [0, 1, 9, 10, 11, packed.count / 2, packed.count - 9, packed.count - 8, packed.count - 1] {
            #expect(throws: ImageError.self, "cut at \(length)") { try unpack(Array(packed.prefix(length)), compression) }
        }
        for tail: [UInt8] in [[0], [0x1f], [0x1f, 0x8b], [0x28, 0xb5], Array("garbage and more of it".utf8)] {
            #expect(throws: ImageError.self, "tail \(tail)") { try unpack(packed + tail, compression) }
        }
        var changed = packed
        changed[packed.count / 2] ^= 0x40
        #expect(throws: ImageError.self) { try unpack(changed, compression) }
    }

    @Test("a gzip member with a name and a comment is read")
    func header() throws {
        let packed = try run("gzip", ["-c", "-9", "-n"], input: [1, 2, 3])
        let named = Array(packed[..<3]) + [0x18] + packed[4..<10] + Array("name\0comment\0".utf8) + packed[10...]
        #expect(try unpack(named, .gzip, piece: 3) == [1, 2, 3])
    }
}
