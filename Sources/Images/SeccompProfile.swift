internal import OCI

/// The filter of system calls that a container has unless told otherwise: what programs use is allowed by name, all else
/// answers EPERM, and calls that this list does not know ENOSYS, so that programs fall back to older ones.
enum SeccompProfile {
    /// `capabilities` opens the calls that are of use with them only.
    static func standard(capabilities: [String]) -> JSON {
        let held = Set(capabilities)
        var rules: [JSON] = [rule(allowed)]
        for (names, wanted) in byCapability where !held.isDisjoint(with: wanted) { rules.append(rule(names)) }
        if held.contains("CAP_SYS_ADMIN") {
            rules.append(rule(["clone", "clone3"]))
        } else {
            // A new namespace needs one of these CLONE_NEW… bits; clone3 hides them in memory, and programs that meet ENOSYS use clone.
            rules.append(rule(["clone"], [argument(0, "SCMP_CMP_MASKED_EQ", 0x7e02_0000, 0)]))
            rules.append(["names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38])
        }
        rules += filtered
        return [
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": .array(architectures.map { .string($0) }),
            "syscalls": .array(rules),
        ]
    }

    private static var architectures: [String] {
        #if arch(x86_64)
            ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        #else
            ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
        #endif
    }

    private static func rule(_ names: [String], _ arguments: [JSON] = []) -> JSON {
        var object: JSONObject = ["names": .array(names.map { .string($0) }), "action": "SCMP_ACT_ALLOW"]
        if !arguments.isEmpty { object["args"] = .array(arguments) }
        return .object(object)
    }

    private static func argument(_ index: Int64, _ comparison: String, _ value: Int64, _ second: Int64 = 0) -> JSON {
        ["index": .integer(index), "value": .integer(value), "valueTwo": .integer(second), "op": .string(comparison)]
    }

    /// Allowed with some arguments only.
    private static var filtered: [JSON] {
        // personality(2): Linux, 32-bit, both without address randomisation, and the question.
        [0x0, 0x8, 0x20000, 0x20008, 0xffff_ffff].map { rule(["personality"], [argument(0, "SCMP_CMP_EQ", $0)]) } + [
            // Any family but AF_VSOCK (40), which speaks to the hypervisor.
            rule(["socket"], [argument(0, "SCMP_CMP_LT", 40)]), rule(["socket"], [argument(0, "SCMP_CMP_GT", 40)]),
        ]
    }

    private static let byCapability: [(names: [String], capabilities: [String])] = [
        (
            [
                "bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount", "mount_setattr", "move_mount",
                "open_tree",
                "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "syslog", "umount", "umount2",
                "unshare",
            ], ["CAP_SYS_ADMIN"]
        ),
        (["bpf"], ["CAP_BPF"]),
        (["perf_event_open"], ["CAP_PERFMON"]),
        (["syslog"], ["CAP_SYSLOG"]),
        (["open_by_handle_at"], ["CAP_DAC_READ_SEARCH"]),
        (["reboot"], ["CAP_SYS_BOOT"]),
        (["chroot"], ["CAP_SYS_CHROOT"]),
        (["delete_module", "init_module", "finit_module"], ["CAP_SYS_MODULE"]),
        (["acct"], ["CAP_SYS_PACCT"]),
        (["kcmp", "pidfd_getfd", "process_madvise"], ["CAP_SYS_PTRACE"]),
        (["iopl", "ioperm"], ["CAP_SYS_RAWIO"]),
        (["settimeofday", "stime", "clock_settime", "clock_settime64"], ["CAP_SYS_TIME"]),
        (["vhangup"], ["CAP_SYS_TTY_CONFIG"]),
        (["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"], ["CAP_SYS_NICE"]),
    ]
}
