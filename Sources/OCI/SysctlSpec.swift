/// One kernel parameter of the container (config-linux.md, "Sysctl").
///
/// Only parameters that belong to a namespace are taken: any other would be changed for the whole host.
package struct SysctlSpec: Equatable, Sendable {
    /// As it was written: `net.ipv4.ip_forward`.
    package var name: String
    package var value: String
    /// The way to its file below /proc/sys.
    package var components: [String]
    /// The namespace that the container must have of its own for it.
    package var namespace: NamespaceSpec.Kind?

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [SysctlSpec] {
        var result: [SysctlSpec] = []
        for (name, member) in try field.members() { result.append(try SysctlSpec(name, member)) }
        return result
    }

    private init(_ name: String, _ field: JSONField) throws(FieldError) {
        self.name = name
        value = try field.plainText() ?? ""
        components = Self.components(name)
        let joined = components.joined(separator: ".")
        let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
        guard isPlain, !components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw field.invalid("is no name of a parameter")
        }
        if joined == "kernel.hostname" { throw field.invalid("is set by the hostname field") }
        guard let kind = Self.owner(joined) else { throw field.invalid("does not belong to a namespace of the container") }
        namespace = kind
    }

    /// sysctl(8): the first separator that is met decides whether dots or slashes separate.
    private static func components(_ name: String) -> [String] {
        let first = name.utf8.first { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        let parts = name.split(separator: first == UInt8(ascii: "/") ? "/" : ".", omittingEmptySubsequences: false)
        // Dotted names write a dot inside a component (an interface eth0.1) as a slash.
        return first == UInt8(ascii: "/")
            ? parts.map(String.init) : parts.map { String(decoding: $0.utf8.map { $0 == 0x2f ? 0x2e : $0 }, as: UTF8.self) }
    }

    /// ipc_namespaces(7), network_namespaces(7), uts_namespaces(7), namespaces(7).
    private static func owner(_ name: String) -> NamespaceSpec.Kind? {
        if name.hasPrefix("net.") { return .network }
        if name.hasPrefix("fs.mqueue.") { return .ipc }
        if name == "kernel.domainname" { return .uts }
        // Limits on what the namespace's own users may make (user_namespaces(7)).
        if name.hasPrefix("user.max_") { return .user }
        let shared: Set<String> = [
            "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
            "kernel.shm_rmid_forced",
        ]
        return shared.contains(name) ? .ipc : nil
    }
}
