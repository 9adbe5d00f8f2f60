/// Image references as people write them (github.com/distribution/reference, grammar): `[host[:port]/]path[:tag][@digest]`.
package enum ImageName {
    /// The full form: `busybox` becomes `docker.io/library/busybox:latest`. Nil when the text is no reference.
    package static func full(_ text: String) -> String? {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var name = parts[0]
        var tag: String?
        // A colon after the last slash starts the tag; one before it belongs to a port.
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") {
            tag = String(name[name.index(after: colon)...])
            name = String(name[..<colon])
        }
        guard let repository = repository(name), tag.map(isTag) ?? true else { return nil }
        guard parts.count == 2 else { return "\(repository):\(tag ?? "latest")" }
        guard Self.isDigest(parts[1]) else { return nil }
        return repository + (tag.map { ":\($0)" } ?? "") + "@" + parts[1]
    }

    /// `repository@digest` of a reference with a tag and a digest, as images are kept that were asked for by both. Nil when it has no digest.
    package static func byDigest(_ text: String) -> String? {
        guard let full = full(text), let at = full.firstIndex(of: "@") else { return nil }
        let name = full[..<at]
        guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return full }
        return String(name[..<colon]) + full[at...]
    }

    /// The short form of a full name: `docker.io/library/busybox:latest` becomes `busybox:latest`.
    package static func familiar(_ name: String) -> String {
        if name.hasPrefix("docker.io/library/") { return String(name.dropFirst("docker.io/library/".count)) }
        if name.hasPrefix("docker.io/") { return String(name.dropFirst("docker.io/".count)) }
        return name
    }

    /// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
    package static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        return (isAlphanumeric(first) || first == 0x5f)
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x5f || $0 == 0x2e || $0 == 0x2d }
    }

    /// A name for an archive that brings none: from its file's name, with what a reference cannot hold taken out.
    package static func fallback(path: String) -> String {
        var stem = path.split(separator: "/").last.map(String.init) ?? "image"
        for ending in [".gz", ".tgz", ".zst", ".tar"] where stem.hasSuffix(ending) && stem != ending {
            stem = String(stem.dropLast(ending.count))
        }
        var text: [UInt8] = []
        for byte in stem.lowercased().utf8 {
            if isAlphanumeric(byte) { text.append(byte) } else if let last = text.last, last != 0x2d { text.append(0x2d) }
        }
        while text.last == 0x2d { text.removeLast() }
        return text.isEmpty ? "image" : String(decoding: text, as: UTF8.self)
    }

    private static func repository(_ name: String) -> String? {
        var parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let isHost = parts.count > 1 && (parts[0].contains(".") || parts[0].contains(":") || parts[0] == "localhost")
        var host = isHost ? parts.removeFirst() : "docker.io"
        if host == "index.docker.io" { host = "docker.io" }
        guard isHostName(host), parts.allSatisfy(isPathPart), name.utf8.count <= 255 else { return nil }
        if host == "docker.io", parts.count == 1 { parts.insert("library", at: 0) }
        return "\(host)/\(parts.joined(separator: "/"))"
    }

    private static func isHostName(_ text: String) -> Bool {
        if text.hasPrefix("[") { return isBracketed(text) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { return false }
        if parts.count == 2, UInt16(parts[1]) == nil { return false }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            label.utf8.first.map(isAlphanumeric) == true && label.utf8.last.map(isAlphanumeric) == true
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d }
        }
    }

    /// An IPv6 address: `[::1]`, `[::1]:5000`.
    private static func isBracketed(_ text: String) -> Bool {
        guard let end = text.firstIndex(of: "]") else { return false }
        let port = text[text.index(after: end)...]
        guard port.isEmpty || port.hasPrefix(":") && UInt16(port.dropFirst()) != nil else { return false }
        let address = text[..<end].dropFirst().utf8
        return !address.isEmpty && address.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x3a }
    }

    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`: no separator first, last, or doubled except as the grammar has it.
    private static func isPathPart(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, isLower(first), isLower(last) else { return false }
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains(".."), !text.contains("___"), !text.contains("._"), !text.contains("_."), !text.contains("-."),
            !text.contains(".-")
        else { return false }
        return bytes.allSatisfy { isLower($0) || $0 == 0x2e || $0 == 0x5f || $0 == 0x2d }
    }

    private static func isDigest(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && (parts[0] == "sha256" && parts[1].utf8.count == 64 || parts[0] == "sha512" && parts[1].utf8.count == 128)
            && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || (0x41...0x5a).contains(byte) }
}
