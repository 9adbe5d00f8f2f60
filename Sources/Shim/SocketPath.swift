internal import LinuxSys

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

    /// For a shim that is being started; its directory is made. One that the orchestrator has chosen may be open to others (1.x has
    /// `/run/containerd/s` with 0711), so the socket itself is what is closed to them.
    static func of(_ bootstrap: Bootstrap) throws(SysError) -> String {
        let directory =
            bootstrap.socketDirectory.isEmpty ? environment("SWIFTLET_SOCKET_DIR") ?? defaultDirectory : bootstrap.socketDirectory
        try makePrivateDirectory(directory)
        let words = bootstrap.arguments
        return of(address: words.address, namespace: words.namespace, id: words.id, directory: directory)
    }

    /// Of a shim that was started before: as its bundle says, or where it would be.
    static func of(_ arguments: Arguments, bundle: String) -> String {
        let scheme = "unix://"
        if let bytes = try? FD.open("\(bundle)/address", 0).readAll(limit: 4096) {
            let address = String(decoding: bytes, as: UTF8.self)
            if address.hasPrefix(scheme) { return String(address.dropFirst(scheme.count)) }
        }
        let directory = environment("SWIFTLET_SOCKET_DIR") ?? defaultDirectory
        return of(address: arguments.address, namespace: arguments.namespace, id: arguments.id, directory: directory)
    }
}
