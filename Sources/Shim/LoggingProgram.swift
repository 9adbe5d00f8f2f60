/// A program that takes a container's output, as `binary://PATH?NAME=VALUE&…` names it (containerd, "Shim Logging").
package struct LoggingProgram: Equatable, Sendable {
    package var path: String
    /// Each name of the query and, after it, its value, in the order of the query.
    package var arguments: [String]

    /// `rest`: what follows `binary://`.
    init(parsing rest: [UInt8], of text: String) throws(TaskError) {
        let parts = rest.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = PercentCode.decode(Array(parts[0])), path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw .invalid("stdio \(text)", "the path of the program has to be absolute")
        }
        self.path = path
        arguments = []
        guard parts.count > 1 else { return }
        var seen: Set<String> = []
        for pair in parts[1].split(separator: UInt8(ascii: "&")) {
            let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCode.decode(Array(sides[0]), plusIsSpace: true),
                let value = PercentCode.decode(sides.count > 1 ? Array(sides[1]) : [], plusIsSpace: true),
                !name.utf8.contains(0), !value.utf8.contains(0)
            else { throw .invalid("stdio \(text)", "the query cannot be decoded") }
            // Of a name that is there twice containerd takes the first value.
            if seen.insert(name).inserted { arguments += [name, value] }
        }
    }
}

/// RFC 3986, section 2.1, and the `+` of queries.
enum PercentCode {
    /// Nil when a `%` is not followed by two digits.
    static func decode(_ bytes: [UInt8], plusIsSpace: Bool = false) -> String? {
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "%"):
                guard at + 2 < bytes.count, let high = digit(bytes[at + 1]), let low = digit(bytes[at + 2]) else { return nil }
                out.append(high << 4 | low)
                at += 3
                continue
            case UInt8(ascii: "+") where plusIsSpace: out.append(0x20)
            case let byte: out.append(byte)
            }
            at += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
