/// An http or https address, as far as registries need it (RFC 3986): no user, no fragment.
struct WebAddress: Hashable, Sendable {
    enum Scheme: String, Sendable { case http, https }
    var scheme: Scheme
    /// Lower case; an IPv6 address in brackets.
    var host: String
    var port: Int
    /// Path and query, from the first slash on.
    var target: String

    init(scheme: Scheme, host: String, port: Int? = nil, target: String = "/") {
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port ?? (scheme == .https ? 443 : 80)
        self.target = target
    }

    /// Nil for anything that is not an absolute http or https address, and for one that names a user.
    init?(_ text: String) {
        guard text.utf8.count <= 8192, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 < 0x80 && $0 != 0x5c }) else { return nil }
        guard let end = text.range(of: "://"), let scheme = Scheme(rawValue: text[..<end.lowerBound].lowercased()) else { return nil }
        let rest = text[end.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard let (host, port) = Self.split(authority: authority) else { return nil }
        let target = rest.dropFirst(authority.count)
        self.init(scheme: scheme, host: host, port: port, target: target.hasPrefix("/") ? String(target) : "/\(target)")
    }

    /// `host[:port]`, as a reference begins with.
    static func split(authority: some StringProtocol) -> (host: String, port: Int?)? {
        var host = authority[...]
        var port: Int?
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let digits = host[host.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits), number > 0 else {
                return nil
            }
            port = Int(number)
            host = host[..<colon]
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2,
                host.dropFirst().dropLast().utf8.allSatisfy({ isHexDigit($0) || $0 == 0x3a || $0 == 0x2e })
            else { return nil }
        } else {
            guard !host.isEmpty, host.utf8.allSatisfy({ isHostByte($0) }) else { return nil }
        }
        return (host.lowercased(), port)
    }

    /// What a Location header leads to from here.
    func resolving(_ location: String) -> WebAddress? {
        guard !location.isEmpty else { return nil }
        if location.hasPrefix("//") { return WebAddress("\(scheme.rawValue):\(location)") }
        if location.hasPrefix("/") { return WebAddress("\(origin)\(location)") }
        if location.hasPrefix("?") { return WebAddress("\(origin)\(target.prefix { $0 != "?" })\(location)") }
        if location.contains("://") { return WebAddress(location) }
        let path = target.prefix { $0 != "?" }
        let directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return WebAddress("\(origin)\(directory)\(location)")
    }

    /// With one more member of the query.
    func adding(query name: String, _ value: String) -> WebAddress {
        var copy = self
        copy.target += (target.contains("?") ? "&" : "?") + "\(name)=\(percentEncoded(value))"
        return copy
    }

    private var authority: String { port == (scheme == .https ? 443 : 80) ? host : "\(host):\(port)" }
    var origin: String { "\(scheme.rawValue)://\(authority)" }
    var text: String { origin + target }
    /// For messages: a query may hold a signature that opens a door.
    var shown: String { origin + target.prefix { $0 != "?" } }

    func isSameOrigin(as other: WebAddress) -> Bool { scheme == other.scheme && host == other.host && port == other.port }

    var isLoopback: Bool { Self.isLoopback(host) }

    /// `localhost` and the loopback addresses by number.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
}

private func isHostByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == 0x2d || byte == 0x2e
        || byte == 0x5f
}

/// RFC 3986's unreserved characters stay, and those of `kept`.
package func percentEncoded(_ text: String, keeping kept: String = "") -> String {
    var result: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: result.append(byte)
        case _ where kept.utf8.contains(byte): result.append(byte)
        default: result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: result, as: UTF8.self)
}

extension StringProtocol {
    /// Where a text stands first.
    func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
