import Glibc
import LinuxSys
import OCI

/// `spec`: a config.json to start from.
struct SpecCommand {
    private let directory: String
    private let rootless: Bool

    init(_ call: Invocation) throws(CommandError) {
        try call.given.none(of: "spec")
        directory = try Files.absolute(call.given.value("bundle") ?? ".")
        rootless = call.given.has("rootless")
    }

    func run() throws(CommandError) -> Int32 {
        let path = "\(directory)/config.json"
        let document = rootless ? Self.rootless(uid: geteuid(), gid: getegid()) : Self.document
        let file = try kernel { () throws(SysError) in try FD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644) }
        try kernel { () throws(SysError) in try file.writeAll(document.encoded(pretty: true) + [0x0a]) }
        return 0
    }

    static var document: JSON { make(namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"], mounts: mounts, linux: resources) }

    /// One user mapped to root, the host's network, and of what only root may mount, the host's own.
    static func rootless(uid: UInt32, gid: UInt32) -> JSON {
        func mapping(_ id: UInt32) -> JSON { [["containerID": 0, "hostID": .integer(Int64(id)), "size": 1]] }
        var mounts = mounts
        mounts[2] = mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"])
        mounts[5] = mount("/sys", "none", ["rbind", "nosuid", "noexec", "nodev", "ro"], source: "/sys")
        return make(
            namespaces: ["pid", "ipc", "uts", "mount", "cgroup", "user"], mounts: mounts,
            linux: ["uidMappings": mapping(uid), "gidMappings": mapping(gid)])
    }

    private static let capabilities: JSON = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    private static let resources: JSONObject = ["resources": ["devices": [["allow": false, "access": "rwm"]]]]

    private static func make(namespaces: [String], mounts: [JSON], linux: JSONObject) -> JSON {
        var linux = linux
        linux["namespaces"] = .array(namespaces.map { ["type": .string($0)] })
        linux["maskedPaths"] = [
            "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi",
        ]
        linux["readonlyPaths"] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        return [
            "ociVersion": .string(ContainerState.version),
            "process": [
                "terminal": true,
                "user": ["uid": 0, "gid": 0],
                "args": ["sh"],
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
                "cwd": "/",
                "capabilities": ["bounding": capabilities, "effective": capabilities, "permitted": capabilities],
                "rlimits": [["type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024]],
                "noNewPrivileges": true,
            ],
            "root": ["path": "rootfs", "readonly": true],
            "hostname": "swiftlet",
            "mounts": .array(mounts),
            "linux": .object(linux),
        ]
    }

    private static func mount(_ destination: String, _ type: String, _ options: [String], source: String? = nil) -> JSON {
        [
            "destination": .string(destination), "type": .string(type), "source": .string(source ?? type),
            "options": .array(options.map { .string($0) }),
        ]
    }

    private static let mounts: [JSON] = [
        mount("/proc", "proc", []),
        mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"], source: "shm"),
        mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}
