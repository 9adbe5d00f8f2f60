/// Which of several images is the one for a machine (image-index.md, "platform"; the order of variants is containerd's, platforms/compare.go).
extension Platform {
    /// `os/architecture[/variant]` as people write it; nil when it is not that.
    package init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { String($0).lowercased() }
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isWord) }) else { return nil }
        let named = Self.byOtherName[parts[1]]
        self.init(os: parts[0], architecture: named?.0 ?? parts[1], variant: parts.count == 3 ? parts[2] : named?.1)
    }

    /// Nil: an image for `other` does not run here; else the smaller the better. An older variant serves where there is no exact one;
    /// on x86-64, when no level is asked for, the lowest level is taken.
    package func rank(_ other: Platform) -> Int? {
        guard os == other.os, architecture == other.architecture else { return nil }
        let offered = other.level ?? (architecture == "amd64" && (other.variant ?? "").isEmpty ? 1 : nil)
        guard let level else {
            // No variant asked for, and the architecture has no usual one.
            return offered.map { $0 - 1 } ?? ((other.variant ?? "").isEmpty ? 0 : 1)
        }
        guard let offered else {
            let (mine, theirs) = (variant ?? "", other.variant ?? "")
            return mine == theirs || theirs.isEmpty ? 0 : nil
        }
        return offered <= level ? level - offered : nil
    }

    /// The number of the variant, where variants are steps of one another.
    private var level: Int? {
        let text = (variant ?? "").isEmpty ? nil : variant
        switch architecture {
        case "arm64": return text.map { Self.number($0) } ?? 8
        case "arm": return text.map { Self.number($0) } ?? 7
        case "amd64": return text.flatMap { Self.number($0) }
        default: return nil
        }
    }

    private static func number(_ text: String) -> Int? {
        guard text.hasPrefix("v"), let number = Int(text.dropFirst()), (1...99).contains(number) else { return nil }
        return number
    }

    private static let byOtherName: [String: (String, String?)] = [
        "x86_64": ("amd64", nil), "x86-64": ("amd64", nil), "aarch64": ("arm64", nil), "armhf": ("arm", "v7"), "armel": ("arm", "v6"),
        "i386": ("386", nil),
    ]

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f || byte == 0x2d || byte == 0x2e
    }
}
