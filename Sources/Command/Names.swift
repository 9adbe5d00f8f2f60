/// A container's name: what a person calls it. Letters, digits, `_`, `.` and `-`, at most 128, a letter or digit first.
package enum ContainerName {
    package static func check(_ name: String) throws(ArgumentFailure) {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, isAlphanumeric(first), bytes.count <= 128,
            bytes.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else { throw ArgumentFailure(name, "not a name ([a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128)") }
        // A name of 64 hex digits could be taken for another container's id.
        guard bytes.count != 64 || !bytes.allSatisfy(isHex) else { throw ArgumentFailure(name, "looks like an id") }
    }

    /// `quiet_heron`; a number is added once the plain ones are taken.
    package static func generate(taken: Set<String>, using random: inout some RandomNumberGenerator) -> String {
        for attempt in 0... {
            let plain = "\(adjectives.randomElement(using: &random) ?? "plain")_\(birds.randomElement(using: &random) ?? "bird")"
            let name = attempt < 8 ? plain : "\(plain)_\(UInt32.random(in: 2...UInt32.max, using: &random))"
            if !taken.contains(name) { return name }
        }
        return ContainerID.generate(using: &random)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static let adjectives = [
        "amber", "brave", "brisk", "calm", "clear", "crisp", "dapper", "deft", "eager", "early", "fleet", "fresh", "gentle", "glad",
        "golden",
        "hardy", "keen", "light", "lively", "lucid", "mellow", "nimble", "patient", "plucky", "quick", "quiet", "rapid", "sharp", "silver",
        "sleek", "solid", "steady", "sunny", "swift", "tidy", "vivid", "warm", "wise",
    ]
    private static let birds = [
        "avocet", "bittern", "bunting", "condor", "crane", "curlew", "dipper", "dunlin", "egret", "falcon", "finch", "gannet", "grebe",
        "heron",
        "hobby", "ibis", "jackdaw", "kestrel", "kite", "lapwing", "lark", "linnet", "martin", "merlin", "oriole", "osprey", "petrel",
        "pipit",
        "plover", "puffin", "raven", "robin", "shrike", "siskin", "sparrow", "swallow", "swift", "tern", "thrush", "wagtail", "wren",
    ]
}

/// A container's id: 64 hexadecimal digits of a random number; people see the first twelve.
package enum ContainerID {
    package static func generate(using random: inout some RandomNumberGenerator) -> String {
        var text = ""
        for _ in 0..<4 {
            let part = String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
            text += String(repeating: "0", count: 16 - part.utf8.count) + part
        }
        return text
    }

    package static func short(_ id: String) -> String {
        let bare = id.hasPrefix("sha256:") ? id.dropFirst(7) : Substring(id)
        return String(bare.prefix(12))
    }
}
