package import LinuxSys
package import OCI

/// The names of capabilities(7), in the order of their numbers (linux/capability.h, up to Linux 6.x).
package enum Capabilities {
    package static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
        "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    /// Every one that has a name here.
    package static let all = CapabilitySet(rawValue: 1 << UInt64(names.count) - 1)

    static func names(of set: CapabilitySet) -> String {
        names.indices.filter { set.contains(number: $0) }.map { names[$0] }.joined(separator: ", ")
    }
}

/// The five sets of a process, without what cannot be granted.
///
/// The inheritable set holds the ambient capabilities and nothing else, whatever is asked (CVE-2022-24769, CVE-2022-29162): the kernel
/// demands that much (capabilities(7), "Ambient"), and more would only reach programs with capabilities of their own in the file system.
package struct CapabilityPlan: Equatable, Sendable {
    package private(set) var bounding: CapabilitySet
    package private(set) var effective: CapabilitySet
    package private(set) var permitted: CapabilitySet
    package private(set) var ambient: CapabilitySet
    /// config.md: what cannot be granted is logged, not refused.
    package private(set) var warnings: [String] = []

    /// `grantable`: what this process can give away.
    ///
    /// - Throws: for a name that is no capability of capabilities(7). One that is, and that this kernel does not have, cannot be granted.
    package init(_ spec: CapabilitiesSpec, field: String, grantable: CapabilitySet) throws(ExecutorFailure) {
        func set(_ list: [String], _ kind: String) throws(ExecutorFailure) -> CapabilitySet {
            var result: CapabilitySet = []
            for (position, name) in list.enumerated() {
                guard let number = Capabilities.names.firstIndex(of: name) else {
                    throw ExecutorFailure(
                        operation: "config.json", subject: "\(field).\(kind)[\(position)]", reason: "\(name) is not a capability")
                }
                result.formUnion(CapabilitySet(number: number))
            }
            return result
        }
        let asked = (
            bounding: try set(spec.bounding, "bounding"), effective: try set(spec.effective, "effective"),
            permitted: try set(spec.permitted, "permitted"), ambient: try set(spec.ambient, "ambient")
        )
        let inheritable = try set(spec.inheritable, "inheritable")
        guard asked.effective.isSubset(of: asked.permitted) else {
            throw ExecutorFailure(operation: "config.json", subject: "\(field).effective", reason: "has what \(field).permitted has not")
        }
        bounding = asked.bounding.intersection(grantable)
        effective = asked.effective.intersection(grantable)
        permitted = asked.permitted.intersection(grantable)
        ambient = asked.ambient.intersection(permitted)
        func warn(_ part: String, _ set: CapabilitySet, _ reason: String) {
            if !set.isEmpty { warnings.append("\(field)\(part): \(Capabilities.names(of: set)) \(reason)") }
        }
        let missing = asked.bounding.union(asked.permitted).subtracting(grantable)
        warn("", missing, "left out: not to be had here")
        warn(".ambient", asked.ambient.subtracting(asked.permitted), "left out: not in \(field).permitted")
        warn(".inheritable", inheritable.subtracting(asked.ambient), "left out: only ambient ones are inherited")
    }
}
