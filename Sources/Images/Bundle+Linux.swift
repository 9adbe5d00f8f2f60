package import OCI

extension BundleRequest {
    /// The member `linux` (config-linux.md).
    func linux() throws(ImageError) -> JSON {
        var linux: JSONObject = [:]
        linux["namespaces"] = .array(
            (namespaces ?? NamespaceRequest.standard).map { request in
                var object: JSONObject = ["type": .string(request.kind.rawValue)]
                if let path = request.path { object["path"] = .string(path) }
                return .object(object)
            })
        linux["resources"] = resources.json(privileged: privileged)
        idMap.add(to: &linux)
        if let mountLabel { linux["mountLabel"] = .string(mountLabel) }
        if let cgroupsPath { linux["cgroupsPath"] = .string(cgroupsPath) }
        if !sysctls.isEmpty { linux["sysctl"] = .map(sysctls) }
        let masked = maskedPaths ?? (privileged ? [] : Self.masked)
        let readOnly = readOnlyPaths ?? (privileged ? [] : Self.readOnly)
        linux["maskedPaths"] = .array(masked.map { .string($0) })
        linux["readonlyPaths"] = .array(readOnly.map { .string($0) })
        switch seccomp {
        case .unconfined: break
        case .custom(let profile): linux["seccomp"] = profile
        case .standard:
            if !privileged {
                let capabilities = try CapabilityChoice(add: addCapabilities, drop: dropCapabilities, privileged: false).names
                linux["seccomp"] = SeccompProfile.standard(capabilities: capabilities)
            }
        }
        return .object(linux)
    }

    /// What of /proc and /sys tells about the host or reaches it.
    private static let masked = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ]
    private static let readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}

extension ResourceRequest {
    func json(privileged: Bool) -> JSON {
        var resources: JSONObject = [:]
        resources["devices"] = .array(privileged ? [Self.device(allow: true)] : [Self.device(allow: false)] + Self.allowedDevices)
        addLimits(to: &resources)
        return .object(resources)
    }

    /// `linux.resources` of the runtime-spec without the devices: what an update says.
    package var limits: JSON {
        var resources: JSONObject = [:]
        addLimits(to: &resources)
        return .object(resources)
    }

    private func addLimits(to resources: inout JSONObject) {
        var memory: JSONObject = [:]
        memory["limit"] = self.memory.map { .integer($0) }
        memory["swap"] = memorySwap.map { .integer($0) }
        if !memory.members.isEmpty { resources["memory"] = .object(memory) }
        var cpu: JSONObject = [:]
        cpu["shares"] = cpuShares.map { .unsigned($0) }
        cpu["quota"] = cpuQuota.map { .integer($0) }
        cpu["period"] = cpuPeriod.map { .unsigned($0) }
        cpu["cpus"] = cpus.map { .string($0) }
        cpu["mems"] = memoryNodes.map { .string($0) }
        if !cpu.members.isEmpty { resources["cpu"] = .object(cpu) }
        if let pids { resources["pids"] = ["limit": .integer(pids)] }
        if !hugePages.isEmpty {
            resources["hugepageLimits"] = .array(hugePages.map { ["pageSize": .string($0.size), "limit": .unsigned($0.limit)] })
        }
        if !unified.isEmpty { resources["unified"] = .map(unified) }
    }

    private static func device(allow: Bool, _ type: String? = nil, _ major: Int64? = nil, _ minor: Int64? = nil, access: String = "rwm")
        -> JSON
    {
        var rule: JSONObject = ["allow": .bool(allow)]
        if let type { rule["type"] = .string(type) }
        if let major { rule["major"] = .integer(major) }
        if let minor { rule["minor"] = .integer(minor) }
        rule["access"] = .string(access)
        return .object(rule)
    }

    /// Any node may be made, but only these opened: null, zero, full, random, urandom, tty, console, ptmx, pts (devices.txt).
    private static var allowedDevices: [JSON] {
        [device(allow: true, "c", access: "m"), device(allow: true, "b", access: "m")]
            + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map { device(allow: true, "c", $0.0, $0.1) } + [
                device(allow: true, "c", 136)
            ]
    }
}

/// The capabilities of a container.
struct CapabilityChoice {
    /// Sorted by number, as `CAP_…`.
    let names: [String]

    /// Throws when a name is no capability.
    init(add: [String], drop: [String], privileged: Bool) throws(ImageError) {
        var chosen = Set(privileged ? Self.all : Self.standard)
        let dropped = try Self.full(drop)
        let added = try Self.full(add)
        // `--cap-drop ALL --cap-add X` leaves X: what is added wins.
        chosen.subtract(dropped)
        chosen.formUnion(added)
        if add.contains(where: { $0.uppercased() == "ALL" }) { chosen.subtract(dropped) }
        names = Self.all.filter(chosen.contains)
    }

    /// Just these.
    init(named list: [String]) throws(ImageError) {
        let chosen = try Self.full(list)
        names = Self.all.filter(chosen.contains)
    }

    private static func full(_ list: [String]) throws(ImageError) -> Set<String> {
        var result: Set<String> = []
        for text in list {
            let name = text.uppercased()
            if name == "ALL" || name == "CAP_ALL" {
                result.formUnion(all)
                continue
            }
            let full = name.hasPrefix("CAP_") ? name : "CAP_\(name)"
            guard all.contains(full) else { throw .invalid(what: "capability", value: text, reason: "no such capability") }
            result.insert(full)
        }
        return result
    }

    static let standard = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
    ]

    /// capabilities(7), by number.
    static let all = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
        "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
    ]
}
