package import OCI

/// The features document of the OCI runtime specification (features.md): what the executor can do, taken from the tables by which it does
/// it, or by asking the code that refuses.
package enum Features {
    package static var document: JSON {
        [
            "ociVersionMin": "1.0.0",
            "ociVersionMax": .string(ContainerState.version),
            "hooks": texts(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]),
            "mountOptions": texts(mountOptions),
            "linux": linux,
            "annotations": ["io.github.swiftlet.version": .string(swiftletVersion), "org.opencontainers.runc.checkpoint.enabled": "true"],
            "potentiallyUnsafeConfigAnnotations": texts(FeatureProbe.unsafeAnnotations),
        ]
    }

    private static var linux: JSON {
        [
            "namespaces": texts(NamespaceSpec.Kind.allCases.map(\.rawValue).filter(FeatureProbe.hasNamespace)),
            "capabilities": texts(Capabilities.names),
            "cgroup": [
                "v1": true, "v2": true, "systemd": true, "systemdUser": true,
                "rdma": true,
            ],
            "seccomp": seccomp,
            "apparmor": ["enabled": .bool(FeatureProbe.accepts(process: ["apparmorProfile": "unconfined"]))],
            "selinux": ["enabled": .bool(FeatureProbe.accepts(process: ["selinuxLabel": "system_u:system_r:container_t:s0"]))],
            "intelRdt": [
                "enabled": .bool(FeatureProbe.accepts(linux: ["intelRdt": ["closID": "a"]])),
                "schemata": .bool(FeatureProbe.accepts(linux: ["intelRdt": ["schemata": ["L3:0=f"]]])),
                "monitoring": .bool(FeatureProbe.accepts(linux: ["intelRdt": ["enableMonitoring": true]])),
            ],
            "memoryPolicy": memoryPolicy,
            "mountExtensions": ["idmap": ["enabled": .bool(FeatureProbe.hasMappedMounts)]],
            "netDevices": ["enabled": .bool(FeatureProbe.accepts(linux: ["netDevices": ["eth0": ["name": "eth1"]]]))],
        ]
    }

    private static var seccomp: JSON {
        [
            "enabled": true,
            "actions": texts(SeccompSpec.Action.allCases.map(\.rawValue).filter(FeatureProbe.hasSeccompAction)),
            "operators": texts(SeccompSpec.Operator.allCases.map(\.rawValue)),
            "archs": texts(SeccompSpec.Architecture.allCases.map(\.rawValue)),
            "knownFlags": texts(SeccompSpec.Flag.allCases.map(\.rawValue)),
            "supportedFlags": texts(SeccompSpec.Flag.allCases.map(\.rawValue)),
        ]
    }

    private static var memoryPolicy: JSON {
        let modes = [
            "MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY",
            "MPOL_LOCAL",
        ]
        let flags = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]
        return [
            "modes": texts(modes.filter { FeatureProbe.hasMemoryPolicy(mode: $0, flags: []) }),
            "flags": texts(flags.filter { FeatureProbe.hasMemoryPolicy(mode: "MPOL_BIND", flags: [$0]) }),
        ]
    }

    /// Of the names that mount(8) and config.md know, those that mean something here whatever the file system.
    private static var mountOptions: [String] {
        let plain = [
            "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime", "loud", "mand",
            "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid",
            "nosymfollow", "private", "rbind", "relatime", "remount", "ridmap", "ro", "rw", "shared", "silent", "slave", "strictatime",
            "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
        ]
        return (plain + plain.map { "r\($0)" }).filter(FeatureProbe.hasMountOption).sorted().removingDuplicates()
    }

    private static func texts(_ list: [String]) -> JSON { .array(list.map { .string($0) }) }
}

extension [String] {
    fileprivate func removingDuplicates() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
