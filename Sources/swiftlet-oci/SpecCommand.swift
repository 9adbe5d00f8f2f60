import Glibc
import LinuxSys
import OCI

/// `spec`: a config.json to start from.
struct SpecCommand {
    private let directory: String

    init(_ words: CommandLineWords) throws(CommandError) {
        guard words.rest.isEmpty else { throw .usage("spec: no argument expected") }
        directory = try Paths.absolute(words.value("bundle") ?? ".")
    }

    func run() throws(CommandError) -> Int32 {
        let path = "\(directory)/config.json"
        let file = try kernel { () throws(SysError) in try FD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644) }
        try kernel { () throws(SysError) in try file.writeAll(Self.document.encoded(pretty: true) + [0x0a]) }
        return 0
    }

    private static let capabilities: JSON = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]

    static let document: JSON = [
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
        "mounts": mounts,
        "linux": [
            "resources": ["devices": [["allow": false, "access": "rwm"]]],
            "namespaces": [["type": "pid"], ["type": "network"], ["type": "ipc"], ["type": "uts"], ["type": "mount"], ["type": "cgroup"]],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        ],
    ]

    private static func mount(_ destination: String, _ type: String, _ options: [String], source: String? = nil) -> JSON {
        [
            "destination": .string(destination), "type": .string(type), "source": .string(source ?? type),
            "options": .array(options.map { .string($0) }),
        ]
    }

    private static let mounts: JSON = .array([
        mount("/proc", "proc", []),
        mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"], source: "shm"),
        mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ])
}
