/// Where a shim listens: a path (never an abstract name, CVE-2020-15257) that follows from whose container it is.
package enum SocketPath {
    package static let defaultDirectory = "/run/swiftlet/s"

    /// `DIRECTORY/<16 hex digits>.sock`: the digits are the FNV-1a hash of the orchestrator's address, the namespace and the id,
    /// so that the path stays short however long those are (unix(7) has room for 107 bytes).
    package static func of(address: String, namespace: String, id: String, directory: String) -> String {
        "\(directory)/\(digits([address, namespace, id])).sock"
    }

    /// The FNV-1a hash of the parts as 16 hex digits.
    package static func digits(_ parts: [String]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            // A byte that no text holds keeps ("a", "bc") apart from ("ab", "c").
            for byte in Array(part.utf8) + [0xff] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
