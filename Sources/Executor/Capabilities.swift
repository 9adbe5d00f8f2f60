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

    /// An unknown name is an error that says where it stands.
    package static func set(_ list: [String], field: String) throws(ExecutorFailure) -> CapabilitySet {
        var result: CapabilitySet = []
        for (place, name) in list.enumerated() {
            guard let number = names.firstIndex(of: name) else {
                throw ExecutorFailure(operation: "config.json", subject: "\(field)[\(place)]", reason: "unknown capability \(name)")
            }
            result.formUnion(CapabilitySet(number: number))
        }
        return result
    }
}

/// The five sets of a process. The inheritable one is checked for its names and then left empty, whatever is asked
/// (CVE-2022-24769, CVE-2022-29162); the kernel keeps ambient capabilities within it, so that none can be raised either.
package struct CapabilityPlan: Equatable, Sendable {
    package var bounding: CapabilitySet
    package var effective: CapabilitySet
    package var permitted: CapabilitySet
    /// Asked for and not to be had: for a warning.
    package var ambient: CapabilitySet

    package init(_ spec: CapabilitiesSpec, field: String) throws(ExecutorFailure) {
        bounding = try Capabilities.set(spec.bounding, field: "\(field).bounding")
        effective = try Capabilities.set(spec.effective, field: "\(field).effective")
        permitted = try Capabilities.set(spec.permitted, field: "\(field).permitted")
        ambient = try Capabilities.set(spec.ambient, field: "\(field).ambient")
        _ = try Capabilities.set(spec.inheritable, field: "\(field).inheritable")
        guard effective.isSubset(of: permitted) else {
            throw ExecutorFailure(operation: "config.json", subject: "\(field).effective", reason: "has what \(field).permitted has not")
        }
    }
}
