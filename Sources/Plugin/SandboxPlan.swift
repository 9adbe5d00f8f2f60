package import Images
package import Messages
package import OCI

/// What a PodSandboxConfig asks for, checked. Whatever it asks for and is not here was refused by name.
package struct SandboxPlan: Equatable, Sendable {
    /// Who owns a namespace. CRI's NamespaceMode without what a sandbox cannot have.
    package enum Scope: Equatable, Sendable { case pod, container, node }

    package var name: String
    package var namespace: String
    package var uid: String
    package var attempt: UInt32
    package var hostname: String
    package var logDirectory: String
    package var network = Scope.pod
    package var ipc = Scope.pod
    /// What is not said is a namespace of each container's own: a pod without one of its own costs no process.
    package var pid = Scope.container
    /// Of the pod's user namespace; empty: the node's.
    package var idMap = IDMap()
    package var sysctls: [String: String] = [:]
    /// Nil: the node's.
    package var resolvConf: String?
    /// A cgroupfs path, or the name of a systemd slice, or empty.
    package var cgroupParent = ""
    package var isSlice: Bool { cgroupParent.hasSuffix(".slice") }
    package var mayBePrivileged = false

    package init(_ config: Runtime_V1_PodSandboxConfig, _ abilities: NodeAbilities = NodeAbilities()) throws(PluginError) {
        guard config.hasMetadata, !config.metadata.name.isEmpty, !config.metadata.namespace.isEmpty, !config.metadata.uid.isEmpty else {
            throw .invalid(field: "config.metadata", reason: "name, namespace and uid must be set")
        }
        (name, namespace) = (config.metadata.name, config.metadata.namespace)
        (uid, attempt) = (config.metadata.uid, config.metadata.attempt)
        hostname = config.hostname
        logDirectory = config.logDirectory
        guard logDirectory.isEmpty || isCleanPath(logDirectory) else {
            throw .invalid(field: "config.log_directory", reason: "must be absolute, without ..")
        }
        if config.hasWindows { throw .unsupported(field: "config.windows", what: "Windows") }
        if config.hasDnsConfig { resolvConf = try Self.resolvConf(config.dnsConfig) }
        // linux.overhead and linux.resources describe the pod's cgroup, which its creator has set up.
        cgroupParent = config.linux.cgroupParent
        try checkCgroupParent()
        try read(config.linux.securityContext, abilities)
        sysctls = config.linux.sysctls
        for (key, value) in sysctls { try check(sysctl: key, value) }
        try checkHostname()
    }

    /// The key that CRI wants to be unique.
    package var key: String { "\(namespace)/\(name)/\(uid)/\(attempt)" }

    private mutating func read(_ context: Runtime_V1_LinuxSandboxSecurityContext, _ abilities: NodeAbilities) throws(PluginError) {
        let field = "config.linux.security_context"
        mayBePrivileged = context.privileged
        // run_as_user, groups, readonly_rootfs, seccomp and labels of a sandbox are for its process, which has nothing of an image here;
        // labels that nothing could apply are an error all the same.
        _ = try SecurityLabels.selinux(context.hasSelinuxOptions ? context.selinuxOptions : nil, field, abilities)
        _ = try SecurityLabels.apparmor(context.hasApparmor ? context.apparmor : nil, "\(field).apparmor", abilities)
        guard context.hasNamespaceOptions else { return }
        let options = context.namespaceOptions
        network = try Self.scope(options.network, of: "network", in: field, allowed: [.pod, .node])
        ipc = try Self.scope(options.ipc, of: "ipc", in: field, allowed: [.pod, .container, .node])
        pid = try Self.scope(options.pid, of: "pid", in: field, allowed: [.pod, .container, .node])
        guard options.hasUsernsOptions else { return }
        try readUsers(options.usernsOptions, "\(field).namespace_options.userns_options", abilities)
    }

    private mutating func readUsers(_ users: Runtime_V1_UserNamespace, _ field: String, _ abilities: NodeAbilities) throws(PluginError) {
        switch users.mode {
        case .node:
            guard users.uids.isEmpty, users.gids.isEmpty else { throw .invalid(field: field, reason: "mappings go with mode POD") }
        case .pod:
            guard abilities.mapsLayers else { throw .unsupported(field: field, what: "a user namespace with a kernel before 5.19") }
            guard network == .pod, ipc != .node, pid != .node else {
                throw .unsupported(field: field, what: "a user namespace with the node's network, ipc or processes")
            }
            idMap = IDMap(
                uids: try IDMap.checked(users.uids, "\(field).uids"), gids: try IDMap.checked(users.gids, "\(field).gids"))
        case .container, .target, .UNRECOGNIZED: throw .unsupported(field: "\(field).mode", what: "mode \(users.mode)")
        }
    }

    static func scope(_ mode: Runtime_V1_NamespaceMode, of name: String, in field: String, allowed: [Scope]) throws(PluginError) -> Scope {
        let found: Scope? =
            switch mode {
            case .pod: .pod
            case .container: .container
            case .node: .node
            case .target, .UNRECOGNIZED: nil
            }
        guard let found, allowed.contains(found) else {
            throw .unsupported(field: "\(field).namespace_options.\(name)", what: "mode \(mode)")
        }
        return found
    }

    private func checkHostname() throws(PluginError) {
        if hostname.isEmpty {
            guard network == .node else { throw .invalid(field: "config.hostname", reason: "may be empty only with the node's network") }
            return
        }
        // sethostname(2) takes 64 bytes; the characters are those of RFC 1123.
        let isName = hostname.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        guard isName, hostname.utf8.count <= 64 else {
            throw .invalid(field: "config.hostname", reason: "\(quoted(hostname)) is no host name")
        }
    }

    private func checkCgroupParent() throws(PluginError) {
        guard !cgroupParent.isEmpty else { return }
        let field = "config.linux.cgroup_parent"
        if isSlice {
            // A kubelet writes the whole path of nested slices; the last one's name says where it is (systemd.slice(5)).
            let name = cgroupParent.split(separator: "/").last.map(String.init) ?? ""
            guard isSafeName(name), name != ".slice" else { throw .invalid(field: field, reason: "\(quoted(cgroupParent)) is no slice") }
            return
        }
        guard isCleanPath(cgroupParent) else { throw .invalid(field: field, reason: "must be absolute, without ..") }
    }

    /// Only what belongs to one of the pod's own namespaces (kernel: Documentation/admin-guide/sysctl).
    private func check(sysctl name: String, _ value: String) throws(PluginError) {
        let field = "config.linux.sysctls[\(quoted(name))]"
        let isName = !name.isEmpty && name.utf8.allSatisfy { isAlphanumeric($0) || [0x2e, 0x5f, 0x2d, 0x2f].contains($0) }
        guard isName, !name.contains(".."), !name.hasPrefix("."), !name.hasPrefix("/") else {
            throw .invalid(field: field, reason: "is no sysctl")
        }
        guard value.utf8.allSatisfy({ $0 == 0x09 || (0x20..<0x7f).contains($0) }) else {
            throw .invalid(field: field, reason: "holds control characters")
        }
        let ipcNames: Set = [
            "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
            "kernel.sem",
        ]
        let scope: Scope? = name.hasPrefix("net.") ? network : ipcNames.contains(name) || name.hasPrefix("fs.mqueue.") ? ipc : nil
        guard scope == .pod else { throw .invalid(field: field, reason: "is not of a namespace that belongs to the pod") }
    }

    /// resolv.conf(5) from a DNSConfig.
    static func resolvConf(_ dns: Runtime_V1_DNSConfig) throws(PluginError) -> String {
        for word in dns.servers + dns.searches + dns.options {
            guard !word.isEmpty, word.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }) else {
                throw .invalid(field: "config.dns_config", reason: "\(quoted(word)) is no single word")
            }
        }
        var text = ""
        if !dns.searches.isEmpty { text += "search \(dns.searches.joined(separator: " "))\n" }
        for server in dns.servers { text += "nameserver \(server)\n" }
        if !dns.options.isEmpty { text += "options \(dns.options.joined(separator: " "))\n" }
        return text
    }
}

/// Letters, digits and what file names of units may hold besides (systemd.unit(5)).
func isSafeName(_ text: String) -> Bool {
    text.utf8.allSatisfy { isAlphanumeric($0) || [0x2d, 0x2e, 0x5f, 0x3a, 0x5c, 0x40].contains($0) }
}

extension IDMap {
    /// At least one, and none that overlaps or leaves 32 bits.
    package static func checked(_ mappings: [Runtime_V1_IDMapping], _ field: String) throws(PluginError) -> [IDMapping] {
        guard !mappings.isEmpty else { throw .invalid(field: field, reason: "is empty") }
        for (index, mapping) in mappings.enumerated() {
            let here = "\(field)[\(index)]"
            guard mapping.length > 0 else { throw .invalid(field: "\(here).length", reason: "is 0") }
            guard max(UInt64(mapping.hostID), UInt64(mapping.containerID)) + UInt64(mapping.length) <= UInt64(UInt32.max) else {
                throw .invalid(field: here, reason: "goes beyond 2^32-2")
            }
            let meets = mappings[..<index].contains { other in
                Self.overlap(mapping.hostID, other.hostID, mapping, other)
                    || Self.overlap(mapping.containerID, other.containerID, mapping, other)
            }
            if meets { throw .invalid(field: here, reason: "overlaps another mapping") }
        }
        return mappings.map { IDMapping(containerID: $0.containerID, hostID: $0.hostID, size: $0.length) }
    }

    private static func overlap(_ a: UInt32, _ b: UInt32, _ first: Runtime_V1_IDMapping, _ second: Runtime_V1_IDMapping) -> Bool {
        UInt64(a) < UInt64(b) + UInt64(second.length) && UInt64(b) < UInt64(a) + UInt64(first.length)
    }
}

func isAlphanumeric(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }

/// Absolute, no `..`, no control character.
func isCleanPath(_ path: String) -> Bool {
    path.hasPrefix("/") && !path.split(separator: "/").contains("..") && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
}

/// Text of a peer for a message: in quotes, control characters made visible, cut at 80.
func quoted(_ text: String) -> String {
    "`" + text.unicodeScalars.prefix(80).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }.joined() + "`"
}
