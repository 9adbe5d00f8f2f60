internal import Glibc

/// Reads one line from stdin.
enum Prompt {
    private static let limit = 64 << 10

    /// Nil at the end of stdin. At a terminal `question` is asked first, and a secret is not shown.
    static func line(_ question: String?, isSecret: Bool) throws -> String? {
        guard RawTerminal.isTerminal(0) else { return try plainLine() }
        if let question { StandardStream.error.write(question) }
        guard isSecret else { return try plainLine() }
        let terminal = try RawTerminal(0)
        defer {
            terminal?.restore()
            StandardStream.error.write("\n")
        }
        var bytes: [UInt8] = []
        while let byte = try next() {
            switch byte {
            case 0x0a, 0x0d: return try text(bytes)
            case 0x03: throw CommandFailure("read password", "", "interrupted", status: 128 + SIGINT)
            case 0x04: return bytes.isEmpty ? nil : try text(bytes)
            case 0x08, 0x7f: if !bytes.isEmpty { bytes.removeLast() }
            case 0x15: bytes = []
            default: bytes.append(byte)
            }
            guard bytes.count <= limit else { throw CommandFailure("read", "stdin", "the line is longer than \(limit) bytes") }
        }
        return nil
    }

    private static func plainLine() throws -> String? {
        var bytes: [UInt8] = []
        while let byte = try next() {
            if byte == 0x0a { return try text(bytes.last == 0x0d ? bytes.dropLast() : bytes[...]) }
            bytes.append(byte)
            guard bytes.count <= limit else { throw CommandFailure("read", "stdin", "the line is longer than \(limit) bytes") }
        }
        return bytes.isEmpty ? nil : try text(bytes)
    }

    /// Byte by byte: what is behind the line belongs to somebody else.
    private static func next() throws -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(0, &byte, 1)
            if count == 1 { return byte }
            if count == 0 { return nil }
            guard errno == EINTR else { throw CommandFailure("read", "stdin", "error \(errno)") }
        }
    }

    private static func text(_ bytes: some Sequence<UInt8>) throws -> String {
        guard let text = String(validating: Array(bytes), as: UTF8.self) else { throw CommandFailure("read", "stdin", "not UTF-8") }
        return text
    }
}
