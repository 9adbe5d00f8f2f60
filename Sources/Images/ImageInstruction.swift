internal import OCI

/// One change of an image's configuration as `--change` takes it: an instruction of a Dockerfile that adds no files.
package enum ImageInstruction: Equatable, Sendable {
    case command([String])
    case entrypoint([String])
    case environment([Pair])
    case expose([String])
    case label([Pair])
    case user(String)
    case volume([String])
    case workingDirectory(String)
    case stopSignal(String)

    package struct Pair: Equatable, Sendable {
        package let name: String
        package let value: String
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// `CMD ["a", "b"]`, `ENV A=1 B="two words"`, `EXPOSE 80 53/udp`, …
    package init(parsing text: String) throws(ImageError) {
        let trimmed = text.drop { $0 == " " || $0 == "\t" }
        let word = trimmed.prefix { $0 != " " && $0 != "\t" }.uppercased()
        let rest = String(trimmed.dropFirst(word.count).drop { $0 == " " || $0 == "\t" })
        guard !text.utf8.contains(where: { $0 < 0x20 && $0 != 9 }) else { throw Self.bad(text, "a control character in it") }
        guard !rest.isEmpty else { throw Self.bad(text, "an instruction and its value expected") }
        switch word {
        case "CMD": self = .command(try Self.program(rest, text))
        case "ENTRYPOINT": self = .entrypoint(try Self.program(rest, text))
        case "ENV": self = .environment(try Self.pairs(rest, text))
        case "EXPOSE": self = .expose(try Self.words(rest, text).map { word throws(ImageError) in try Self.port(word, text) })
        case "LABEL": self = .label(try Self.pairs(rest, text))
        case "USER": self = .user(rest)
        case "VOLUME": self = .volume(try Self.list(rest, text))
        case "WORKDIR": self = .workingDirectory(rest)
        case "STOPSIGNAL": self = .stopSignal(rest)
        default: throw Self.bad(text, "`\(word)` is none of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR, STOPSIGNAL")
        }
    }

    private static func bad(_ text: String, _ reason: String) -> ImageError { .invalid(what: "change", value: text, reason: reason) }

    /// A JSON array of strings is the program itself; anything else goes to the shell.
    private static func program(_ rest: String, _ text: String) throws(ImageError) -> [String] {
        if rest.hasPrefix("[") { return try array(rest, text) }
        return ["/bin/sh", "-c", rest]
    }

    private static func list(_ rest: String, _ text: String) throws(ImageError) -> [String] {
        rest.hasPrefix("[") ? try array(rest, text) : try words(rest, text)
    }

    private static func array(_ rest: String, _ text: String) throws(ImageError) -> [String] {
        guard let items = (try? JSON(parsing: Array(rest.utf8)))?.array else { throw bad(text, "a JSON array of strings expected") }
        let strings = items.compactMap(\.string)
        guard strings.count == items.count else { throw bad(text, "a JSON array of strings expected") }
        return strings
    }

    /// `80`, `80/tcp`, `8000-8010/udp`.
    private static func port(_ word: String, _ text: String) throws(ImageError) -> String {
        let halves = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { UInt16($0) }
        let protocolName = halves.count == 2 ? halves[1].lowercased() : "tcp"
        guard !ends.contains(nil), ends.compactMap({ $0 }).sorted() == ends, ["tcp", "udp", "sctp"].contains(protocolName) else {
            throw bad(text, "`\(word)` is no port")
        }
        return "\(halves[0])/\(protocolName)"
    }

    /// `NAME=value …`, or with one name and no `=` the old form `NAME value`.
    private static func pairs(_ rest: String, _ text: String) throws(ImageError) -> [Pair] {
        let words = try words(rest, text)
        guard let first = words.first, !first.contains("=") else {
            var result: [Pair] = []
            for word in words {
                guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
                    throw bad(text, "`\(word)` is not NAME=value")
                }
                result.append(Pair(String(word[..<equals]), String(word[word.index(after: equals)...])))
            }
            return result
        }
        let value = rest.dropFirst(first.count).drop { $0 == " " || $0 == "\t" }
        guard !value.isEmpty, rest.hasPrefix(first) else { throw bad(text, "`\(first)` has no value") }
        return [Pair(first, String(value))]
    }

    /// Words apart from one another by blanks; quotes and backslashes as in a shell, without variables.
    private static func words(_ rest: String, _ text: String) throws(ImageError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in rest {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else { throw bad(text, "a quote or backslash without its end") }
        return words + (word.map { [$0] } ?? [])
    }
}
