extension Seed {
    static let pax = Array(
        "20 atime=1.00000005\n26 mtime=-1600000000.5000\n19 path=a/long/nam\n25 SCHILY.xattr.user.a=b\n9 size=5\n18 GNU.sparse.x=1\n".utf8)

    /// A directory, a file with a pax header, links, a device, a file with holes in GNU's own format, and the end.
    static var archive: [UInt8] {
        header("d/", "5", 0) + header("PaxHeaders/f", "x", pax.count) + padded(pax) + header("f", "0", 5) + padded(Array("hello".utf8))
            + header("h", "1", 0, link: "f") + header("s", "2", 0, link: "../x") + header("c", "3", 0) + header("././@LongLink", "L", 6)
            + padded(Array("longer".utf8)) + header("x", "0", 0) + sparse + padded([1, 2, 3]) + [UInt8](repeating: 0, count: 1024)
    }

    private static var sparse: [UInt8] {
        var block = header("holes", "S", 3, isSealed: false)
        for (at, text) in [(386, "00000000100"), (398, "00000000003"), (483, "00000001000")] {
            for (place, byte) in text.utf8.enumerated() { block[at + place] = byte }
        }
        seal(&block)
        return block
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }

    private static func header(_ path: String, _ type: Character, _ size: Int, link: String = "", isSealed: Bool = true) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ at: Int, _ text: String) { for (place, byte) in text.utf8.enumerated() { block[at + place] = byte } }
        func octal(_ at: Int, _ width: Int, _ value: Int) {
            let digits = String(value, radix: 8)
            put(at, String(repeating: "0", count: width - 1 - digits.utf8.count) + digits)
        }
        put(0, path)
        octal(100, 8, 0o644)
        octal(108, 8, 1000)
        octal(116, 8, 1000)
        octal(124, 12, size)
        octal(136, 12, 1_600_000_000)
        put(156, String(type))
        put(157, link)
        put(257, type == "S" || type == "L" ? "ustar  \0" : "ustar\u{0}00")
        octal(329, 8, 1)
        octal(337, 8, 3)
        if isSealed { seal(&block) }
        return block
    }

    /// Puts the checksum in: without it nothing of a header is looked at.
    static func seal(_ block: inout [UInt8], at start: Int = 0) {
        for place in start + 148..<start + 156 { block[place] = 0x20 }
        let digits = String(block[start..<start + 512].reduce(0) { $0 + Int($1) }, radix: 8)
        let text = String(repeating: "0", count: 6 - digits.utf8.count) + digits
        for (place, byte) in text.utf8.enumerated() { block[start + 148 + place] = byte }
        block[start + 154] = 0
    }
}
