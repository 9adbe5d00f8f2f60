@testable import Images

/// A small tar writer for tests: ustar headers, pax records on request, nothing checked.
struct TarWriter {
    struct Member {
        var path: String
        var type: Character = "0"
        var content: [UInt8] = []
        var link = ""
        var mode = 0o644
        var uid = 0
        var gid = 0
        var mtime = 1_600_000_000
        var major = 0
        var minor = 0
        var pax: [(String, [UInt8])] = []
        /// In place of what belongs there.
        var magic: [UInt8] = Array("ustar\0".utf8) + Array("00".utf8)
        var uidField: [UInt8]?
        var sizeField: [UInt8]?

        static func file(_ path: String, _ text: String, mode: Int = 0o644, uid: Int = 0, gid: Int = 0) -> Member {
            Member(path: path, content: Array(text.utf8), mode: mode, uid: uid, gid: gid)
        }
        static func directory(_ path: String, mode: Int = 0o755, uid: Int = 0, mtime: Int = 1_600_000_000) -> Member {
            Member(path: path, type: "5", mode: mode, uid: uid, mtime: mtime)
        }
        static func symlink(_ path: String, to link: String) -> Member { Member(path: path, type: "2", link: link, mode: 0o777) }
        static func hardLink(_ path: String, to link: String) -> Member { Member(path: path, type: "1", link: link) }
    }

    private(set) var bytes: [UInt8] = []

    init(_ members: [Member] = [], ended: Bool = true) {
        for member in members { add(member) }
        if ended { bytes += [UInt8](repeating: 0, count: 1024) }
    }

    mutating func add(_ member: Member) {
        if !member.pax.isEmpty {
            let records = member.pax.flatMap { Self.record($0.0, $0.1) }
            append(Self.header(Member(path: "PaxHeaders/x", type: "x"), size: records.count), records)
        }
        append(Self.header(member, size: member.content.count), member.content)
    }

    mutating func append(_ header: [UInt8], _ content: [UInt8]) {
        bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [0x0a]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    static func header(_ member: Member, size: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ at: Int, _ bytes: [UInt8]) { for (place, byte) in bytes.enumerated() { block[at + place] = byte } }
        func octal(_ at: Int, _ width: Int, _ value: Int) {
            let digits = String(value, radix: 8)
            put(at, Array(repeatElement(UInt8(ascii: "0"), count: width - 1 - digits.utf8.count)) + Array(digits.utf8))
        }
        put(0, Array(member.path.utf8.prefix(100)))
        octal(100, 8, member.mode)
        octal(108, 8, member.uid)
        octal(116, 8, member.gid)
        octal(124, 12, size)
        octal(136, 12, member.mtime)
        block[156] = member.type.asciiValue ?? 0
        put(157, Array(member.link.utf8.prefix(100)))
        put(257, member.magic)
        octal(329, 8, member.major)
        octal(337, 8, member.minor)
        if let field = member.uidField { put(108, field) }
        if let field = member.sizeField { put(124, field) }
        seal(&block)
        return block
    }

    /// Puts the checksum in.
    static func seal(_ block: inout [UInt8]) {
        for place in 148..<156 { block[place] = 0x20 }
        let digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        let text = Array(repeatElement(UInt8(ascii: "0"), count: 6 - digits.utf8.count)) + Array(digits.utf8) + [0, 0x20]
        for (place, byte) in text.enumerated() { block[148 + place] = byte }
    }
}
