import Executor
import Glibc
import LinuxSys
import OCI
import Testing

/// What the tests of real containers need of the machine.
enum Needs {
    static let containers = unsafe geteuid() == 0 && access("/bin/busybox", X_OK) == 0 && access(TestBundle.program, X_OK) == 0
    static let reason: Comment = "needs root, busybox-static and the built swiftlet-oci"

    static let overlay = system("/proc/filesystems").contains("\toverlay\n")
    static let noOverlay: Comment = "this kernel has no overlay file system"

    /// User-mode Linux stands still at times when it has to kill for memory, under any runtime.
    static let memoryKills = !system("/proc/cpuinfo").contains("User Mode Linux")
    static let noMemoryKills: Comment = "out-of-memory kills hang this kernel"

    static let timeNamespaces = unsafe access("/proc/self/ns/time", F_OK) == 0
    static let noTimeNamespaces: Comment = "this kernel has no time namespaces"

    static let pairedDevices = works("unshare -n ip link add name x0 type veth peer name x1")
    static let noPairedDevices: Comment = "this kernel has no pairs of network devices"

    /// tmpfs and what else is under /tmp can be id-mapped since 6.3; asked for by a container, the only one here who knows how.
    static let mappedMounts: Bool = {
        guard containers, let bundle = try? TestBundle() else { return false }
        let mount = TestConfig.mount("/d", "none", ["bind", "idmap"], source: bundle.directory)
        let config = TestConfig("true").namespaces("mount", "pid", "network", "user").with { $0.mounts.append(mount) }
        return (try? bundle.giveAway()) != nil && (try? bundle.run(config).status) == .code(0)
    }()
    static let noMappedMounts: Comment = "this kernel cannot map the ids of the file system of /tmp"

    /// A kernel that gives real-time to control groups has no way to say how much on cgroup v2, and gives none to any but the root where
    /// groups have the controller at all, as a container's have.
    static let realtime = works(
        """
        [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] && exit 0
        echo +cpu 2> /dev/null > /sys/fs/cgroup/cgroup.subtree_control
        group=$(mktemp -d /sys/fs/cgroup/swl-XXXXXX) && sh -c "echo 0 > $group/cgroup.procs && chrt -f 1 true"
        status=$?; rmdir "$group"; exit $status
        """)
    static let noRealtime: Comment = "this kernel gives no real-time to control groups of version 2"

    static let otherMachines = works("[ $(uname -m) != x86_64 ] || [ $(setarch i686 uname -m) = i686 ]")
    static let noOtherMachines: Comment = "this kernel shows one machine alone"

    private static func works(_ script: String) -> Bool { (try? TestBundle.shell(script).status) == .code(0) }

    private static func system(_ path: String) -> String {
        String(decoding: (try? FD.open(path, O_RDONLY).readAll(limit: 1 << 20)) ?? [], as: UTF8.self)
    }
}

/// A bundle with a busybox root in a directory of its own, and the program to run it with. All is removed with it.
final class TestBundle: Sendable {
    let directory: String
    let id: String
    var stateRoot: String { "\(directory)/state" }
    var rootfs: String { "\(directory)/rootfs" }

    /// `swiftlet-oci` beside the test program in the build folder.
    static let program: String = {
        var path = [UInt8](repeating: 0, count: 4096)
        let count = unsafe path.withUnsafeMutableBytes {
            unsafe readlink("/proc/self/exe", $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
        }
        let own = String(decoding: path[..<max(0, count)], as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/swiftlet-oci"
    }()

    static let commands = [
        "sh", "ls", "cat", "echo", "id", "mount", "sleep", "true", "env", "ps", "hostname", "stat", "touch", "grep", "ip", "kill", "tty",
        "readlink",
        "pwd", "mkdir", "umask", "head", "test", "mknod", "tail", "wc", "sync", "uname", "httpd", "ionice", "taskset", "nc", "stty", "cut",
        "tr",
    ]

    init() throws {
        var template = Array("/tmp/swiftlet-executor-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!).map { unsafe String(cString: $0) } }
        directory = try #require(made)
        id = "t" + directory.split(separator: "-").last!.filter { $0.isLetter || $0.isNumber }
        for name in ["", "bin", "proc", "sys", "dev", "etc", "tmp", "root"] { _ = unsafe mkdir("\(rootfs)/\(name)", 0o755) }
        try Self.shell("cp /bin/busybox \(rootfs)/bin/busybox")
        for name in Self.commands { _ = unsafe symlink("busybox", "\(rootfs)/bin/\(name)") }
        try write("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", to: "rootfs/etc/passwd")
    }

    deinit {
        _ = try? run(["delete", "-f", id])
        _ = try? Self.shell("rm -rf \(directory)")
    }

    func write(_ text: String, to name: String, mode: UInt32 = 0o644) throws {
        let file = try FD.open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try file.writeAll(Array(text.utf8))
    }

    func read(_ name: String) throws -> String {
        String(decoding: try FD.open("\(directory)/\(name)", O_RDONLY).readAll(limit: 1 << 20), as: UTF8.self)
    }

    @discardableResult
    static func shell(_ script: String) throws -> Outcome {
        Outcome(
            try runProgram(
                "/bin/sh", ["-c", script], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], directory: "/", deadline: 60_000_000_000))
    }

    struct Outcome {
        let status: LinuxSys.ExitStatus
        let output: String
        let errors: String

        init(_ result: ProgramOutput) {
            status = result.status
            output = String(decoding: result.stdout, as: UTF8.self)
            errors = String(decoding: result.stderr, as: UTF8.self)
        }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// `swiftlet-oci` with its state in this directory.
    @discardableResult
    func run(_ arguments: [String]) throws -> Outcome {
        Outcome(
            try runProgram(
                Self.program, ["--root", stateRoot] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], directory: directory,
                deadline: 60_000_000_000))
    }

    /// Writes config.json and runs it to its end.
    func run(_ config: TestConfig) throws -> Outcome {
        try configure(config)
        return try run(["run", id])
    }

    func configure(_ config: TestConfig) throws { try write(config.json.text(pretty: true), to: "config.json") }

    /// Runs a shell script in a mount namespace of its own, which the host does not see; `oci` is the program with this state.
    @discardableResult
    func aside(_ script: String) throws -> Outcome {
        try write("set -e\noci() { \(Self.program) --root \(stateRoot) \"$@\"; }\ncd \(directory)\n\(script)\n", to: "script")
        return try Self.shell("exec unshare -m --propagation private sh \(directory)/script")
    }

    /// For a container whose root has another number on the host.
    func giveAway(to id: Int = 100_000) throws { try Self.shell("chmod 755 \(directory); chown -hR \(id):\(id) \(rootfs)") }

    /// Nothing of the container is left: no state, no cgroup.
    var leftovers: [String] {
        let state = (try? subdirectories(of: stateRoot)) ?? []
        let cgroups = (try? Self.shell("find /sys/fs/cgroup -name \(id) 2>/dev/null").lines) ?? []
        return state + cgroups
    }
}

/// config.json as tests change it: what runc's template has, without what a test does not look at.
struct TestConfig {
    var process: JSONObject
    var linux: JSONObject
    var members = JSONObject()
    var mounts: [JSON]
    var readonlyRoot = false

    static let capabilities: JSON = ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"]

    init(_ args: String...) {
        process = JSONObject()
        process["args"] = .array(args.map { .string($0) })
        process["cwd"] = "/"
        process["env"] = ["PATH=/bin"]
        process["user"] = ["uid": 0, "gid": 0]
        process["capabilities"] = ["bounding": Self.capabilities, "effective": Self.capabilities, "permitted": Self.capabilities]
        linux = JSONObject()
        linux["namespaces"] = [
            ["type": "pid"], ["type": "network"], ["type": "ipc"], ["type": "uts"], ["type": "mount"], ["type": "cgroup"],
        ]
        mounts = [
            Self.mount("/proc", "proc", []), Self.mount("/dev", "tmpfs", ["nosuid", "mode=755", "size=65536k"]),
            Self.mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            Self.mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
        ]
    }

    /// These kinds of namespaces; a user namespace with 65 536 ids from 100 000 on.
    func namespaces(_ kinds: String...) -> TestConfig {
        with {
            $0.linux["namespaces"] = .array(kinds.map { ["type": .string($0)] })
            guard kinds.contains("user") else { return }
            let map: JSON = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            ($0.linux["uidMappings"], $0.linux["gidMappings"]) = (map, map)
        }
    }

    /// A shell script.
    init(script: String) { self.init("sh", "-c", script) }

    static func mount(_ destination: String, _ type: String, _ options: [String], source: String? = nil) -> JSON {
        [
            "destination": .string(destination), "type": .string(type), "source": .string(source ?? type),
            "options": .array(options.map { .string($0) }),
        ]
    }

    func with(_ change: (inout TestConfig) -> Void) -> TestConfig {
        var copy = self
        change(&copy)
        return copy
    }

    var json: JSON {
        var document = members
        document["ociVersion"] = "1.0.2"
        document["process"] = .object(process)
        document["root"] = ["path": "rootfs", "readonly": .bool(readonlyRoot)]
        document["mounts"] = .array(mounts)
        document["linux"] = .object(linux)
        return .object(document)
    }
}
