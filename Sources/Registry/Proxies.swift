internal import Glibc
internal import LinuxSys

/// Which requests go through a proxy, as the environment says it for most programs: `https_proxy`, `http_proxy`, `no_proxy`, in small
/// letters before capital ones. `no_proxy` is a list with commas: `*`, `example.org` (with all below it), `.example.org` (only what
/// is below), an address, a network (`10.0.0.0/8`), each perhaps with `:port`. Loopback never goes through one.
struct Proxies: Equatable, Sendable {
    struct Proxy: Hashable, Sendable {
        enum Kind: Hashable, Sendable { case http, socks5 }
        var kind: Kind
        var host: String
        var port: Int
        /// Without the decoration of an address.
        var user: String?
        var password: String?
    }

    private let https: Proxy?
    private let http: Proxy?
    private let exceptions: [Exception]

    static let none = Proxies(https: nil, http: nil, exceptions: [])

    private init(https: Proxy?, http: Proxy?, exceptions: [Exception]) {
        (self.https, self.http, self.exceptions) = (https, http, exceptions)
    }

    /// `value`: of a variable by its name. Throws for one that is no address of a proxy.
    init(_ value: (String) -> String?) throws(RegistryError) {
        func first(_ name: String) -> (name: String, text: String)? {
            for name in [name, name.uppercased()] { if let text = value(name), !text.isEmpty { return (name, text) } }
            return nil
        }
        func proxy(_ name: String) throws(RegistryError) -> Proxy? {
            guard let (name, text) = first(name) else { return nil }
            guard let proxy = Proxy(text) else {
                throw .settings(subject: name, reason: "not the address of a proxy ([http://|socks5://][user:password@]host[:port])")
            }
            return proxy
        }
        https = try proxy("https_proxy")
        http = try proxy("http_proxy")
        exceptions = (first("no_proxy")?.text ?? "").split(separator: ",").compactMap { Exception(Self.trimmed($0)) }
    }

    private static func trimmed(_ word: Substring) -> Substring {
        var word = word.drop { $0 == " " }
        while word.hasSuffix(" ") { word = word.dropLast() }
        return word
    }

    /// Nil: straight there.
    func proxy(for address: WebAddress) -> Proxy? {
        guard let proxy = address.scheme == .https ? https : http, !address.isLoopback else { return nil }
        return exceptions.contains { $0.holds(address.host, address.port) } ? nil : proxy
    }
}

extension Proxies {
    fileprivate struct Exception: Equatable, Sendable {
        private enum Place: Equatable, Sendable {
            case everything
            case name(String, itself: Bool)
            case network([UInt8], bits: Int)
        }

        private let place: Place
        private let port: Int?

        init?(_ word: Substring) {
            guard !word.isEmpty else { return nil }
            if word == "*" {
                (place, port) = (.everything, nil)
                return
            }
            if let slash = word.firstIndex(of: "/") {
                guard let address = Self.bytes(String(word[..<slash])), let bits = Int(word[word.index(after: slash)...]),
                    (0...address.count * 8).contains(bits)
                else { return nil }
                (place, port) = (.network(address, bits: bits), nil)
                return
            }
            // An IPv6 address without brackets has colons of its own.
            if let address = Self.bytes(String(word)) {
                (place, port) = (.network(address, bits: address.count * 8), nil)
                return
            }
            let isBelow = word.hasPrefix(".") || word.hasPrefix("*.")
            let rest = word.hasPrefix("*") ? word.dropFirst() : word
            guard let (host, port) = WebAddress.split(authority: rest.drop { $0 == "." }) else { return nil }
            self.port = port
            if let address = Self.bytes(host) {
                place = .network(address, bits: address.count * 8)
            } else {
                place = .name(host, itself: !isBelow)
            }
        }

        func holds(_ host: String, _ port: Int) -> Bool {
            if let own = self.port, own != port { return false }
            switch place {
            case .everything: return true
            case .name(let name, let itself): return itself && host == name || host.hasSuffix(".\(name)")
            case .network(let network, let bits):
                guard let address = Self.bytes(host), address.count == network.count else { return false }
                for index in 0..<bits where (address[index / 8] ^ network[index / 8]) & (0x80 >> UInt8(index % 8)) != 0 { return false }
                return true
            }
        }

        /// Of an address by number, perhaps in brackets.
        private static func bytes(_ text: String) -> [UInt8]? {
            let plain = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
                var bytes = [UInt8](repeating: 0, count: count)
                if unsafe bytes.withUnsafeMutableBytes({ unsafe inet_pton(family, plain, $0.baseAddress) }) == 1 { return bytes }
            }
            return nil
        }
    }
}

extension Proxies.Proxy {
    init?(_ text: String) {
        var rest = text[...]
        kind = .http
        if let end = rest.range(of: "://") {
            switch rest[..<end.lowerBound].lowercased() {
            case "http": break
            case "socks5", "socks5h": kind = .socks5
            default: return nil
            }
            rest = rest[end.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = rest.lastIndex(of: "@") {
            let halves = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = Self.plain(halves[0])
            password = halves.count > 1 ? Self.plain(halves[1]) : ""
            rest = rest[rest.index(after: at)...]
        }
        guard let (host, port) = WebAddress.split(authority: rest) else { return nil }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port ?? (kind == .http ? 80 : 1080)
    }

    /// With percent signs resolved.
    private static func plain(_ text: Substring) -> String {
        var result: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16), bytes.count >= 2 {
                result.append(code)
                bytes = bytes.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
