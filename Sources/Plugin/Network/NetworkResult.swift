internal import OCI

/// What ADD answers (CNI, "Success"), as far as a runtime looks at it.
struct NetworkResult: Equatable, Sendable {
    /// The pod's addresses without their prefix lengths: those of `eth0`, or, from a plugin that does not say whose they are, all.
    let addresses: [String]
    /// The whole answer: the next plugin's `prevResult`, and in the cache.
    let document: JSON

    init(_ document: JSON) throws(FieldError) {
        let field = JSONField(document)
        var names: [(name: String, sandbox: String)] = []
        for interface in try field.member("interfaces").elements() {
            names.append((try interface.member("name").string(), try interface.member("sandbox").optionalString() ?? ""))
        }
        var addresses: [String] = []
        for ip in try field.member("ips").elements() {
            let text = try ip.member("address").string()
            let address = String(text.prefix { $0 != "/" })
            guard IPAddress.isOne(address) else { throw FieldError(try ip.member("address").path, "\(quoted(text)) is no address") }
            if let number: Int = try ip.member("interface").optionalInteger() {
                guard names.indices.contains(number) else {
                    throw FieldError(try ip.member("interface").path, "there is no interface \(number)")
                }
                // An address of the host's end is not the pod's.
                guard !names[number].sandbox.isEmpty else { continue }
            }
            addresses.append(address)
        }
        self.addresses = addresses
        self.document = document
    }
}

/// Addresses as text.
enum IPAddress {
    /// Of four numbers, or hexadecimal groups; not a name and nothing with control characters. What it means, plugins know.
    static func isOne(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (0x30...0x39).contains($0) } && part.utf8.count <= 3 && UInt8(part) != nil
            }
    }

    static func isIPv6(_ text: String) -> Bool {
        text.contains(":") && text.utf8.count <= 45
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte) || byte == 0x3a || byte == 0x2e
            }
    }

    /// `10.1.0.0/16`.
    static func isSubnet(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = UInt8(parts[1]) else { return false }
        return isIPv4(String(parts[0])) ? length <= 32 : isIPv6(String(parts[0])) && length <= 128
    }
}
