import Glibc
import LinuxSys
import OCI
import Testing

/// config.md, "Process", seen from inside containers.
@Suite("a process in a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerProcessTests {
    private static func capable(_ sets: JSON, uid: Int64, _ script: String) -> TestConfig {
        TestConfig(script: script).with {
            $0.process["capabilities"] = sets
            $0.process["user"] = ["uid": .integer(uid), "gid": .integer(uid)]
        }
    }

    @Test("an ambient capability works for a user who is not root, and for root; nothing else is inheritable", arguments: [1000, 0])
    func ambient(_ uid: Int64) throws {
        let bundle = try TestBundle()
        let bind: JSON = ["CAP_NET_BIND_SERVICE"]
        let sets: JSON = [
            "bounding": ["CAP_NET_BIND_SERVICE", "CAP_KILL"], "permitted": ["CAP_NET_BIND_SERVICE", "CAP_KILL"], "effective": bind,
            "ambient": bind, "inheritable": ["CAP_NET_BIND_SERVICE", "CAP_KILL"],
        ]
        // A port below 1024; the server goes to the background once it is bound.
        let serve = "httpd -p 80 -h /tmp && echo bound"
        let script = "grep -E 'Cap(Inh|Amb)' /proc/self/status; \(serve)"
        let config = Self.capable(sets, uid: uid, script).with { $0.process["noNewPrivileges"] = true }
        let result = try bundle.run(config)
        #expect(result.lines == ["CapInh:\t0000000000000400", "CapAmb:\t0000000000000400", "bound"], "\(result.errors)")
        #expect(result.errors.contains("process.capabilities.inheritable: CAP_KILL left out: only ambient ones are inherited"))
        let without = try bundle.run(Self.capable(["bounding": bind, "permitted": bind], uid: 1000, serve))
        #expect(without.lines == [] && without.errors.contains("Permission denied"))
    }

    @Test("capabilities beyond the first 32 arrive in all sets")
    func high() throws {
        let bundle = try TestBundle()
        let names: JSON = ["CAP_MAC_OVERRIDE", "CAP_SYSLOG", "CAP_CHECKPOINT_RESTORE"]
        let result = try bundle.run(
            Self.capable(
                ["bounding": names, "permitted": names, "effective": names, "ambient": names], uid: 0,
                "grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | cut -f 2"))
        #expect(result.lines == Array(repeating: "0000010500000000", count: 4), "\(result.errors)")
    }

    @Test("every limit of getrlimit(2) is set, soft and hard")
    func limits() throws {
        let bundle = try TestBundle()
        // In the order of the kernel's file, whose last three columns differ in their units.
        let kinds: [(String, String, Int64)] = [
            ("RLIMIT_CPU", "Max cpu time", 1000), ("RLIMIT_FSIZE", "Max file size", 1 << 30), ("RLIMIT_DATA", "Max data size", 1 << 40),
            ("RLIMIT_STACK", "Max stack size", 1 << 22), ("RLIMIT_CORE", "Max core file size", 7),
            ("RLIMIT_RSS", "Max resident set", 1 << 33),
            ("RLIMIT_NPROC", "Max processes", 500), ("RLIMIT_NOFILE", "Max open files", 100),
            ("RLIMIT_MEMLOCK", "Max locked memory", 65536),
            ("RLIMIT_AS", "Max address space", 1 << 41), ("RLIMIT_LOCKS", "Max file locks", 9),
            ("RLIMIT_SIGPENDING", "Max pending signals", 50), ("RLIMIT_MSGQUEUE", "Max msgqueue size", 4096),
            ("RLIMIT_NICE", "Max nice priority", 0), ("RLIMIT_RTPRIO", "Max realtime priority", 0),
            ("RLIMIT_RTTIME", "Max realtime timeout", 77),
        ]
        #expect(kinds.map(\.0) == RlimitSpec.Kind.allCases.map(\.rawValue))
        let config = TestConfig("cat", "/proc/self/limits").with {
            $0.process["rlimits"] = .array(
                kinds.map { ["type": .string($0.0), "soft": .integer($0.2 / 2), "hard": .integer($0.2)] })
        }
        let result = try bundle.run(config)
        for (_, name, value) in kinds {
            let line = result.lines.first { $0.hasPrefix("\(name) ") } ?? ""
            let words = line.dropFirst(name.utf8.count).split(separator: " ").prefix(2).map(String.init)
            #expect(words == ["\(value / 2)", "\(value)"], "\(name): \(line) \(result.errors)")
        }
    }

    /// Where the kernel counts real-time tasks by cgroup (v1) a new one has no time for them.
    private static let realtime: JSON =
        unsafe access("/sys/fs/cgroup/cpu/cpu.rt_runtime_us", F_OK) == 0 ? ["realtimePeriod": 1_000_000, "realtimeRuntime": 1000] : [:]

    @Test("I/O priority, scheduling policy and nice value are those of the document, for init and for exec")
    func priorities() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig("sleep", "1000").with {
                $0.process["ioPriority"] = ["class": "IOPRIO_CLASS_BE", "priority": 3]
                $0.process["scheduler"] = ["policy": "SCHED_BATCH", "nice": 5]
                $0.process["user"] = ["uid": 1000, "gid": 1000]
            })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        let show = "ionice -p 1; cut -d ' ' -f 19,41 /proc/1/stat; ionice; cut -d ' ' -f 19,41 /proc/self/stat"
        let result = try bundle.run(["exec", bundle.id, "sh", "-c", show])
        #expect(result.lines == ["best-effort: prio 3", "5 3", "best-effort: prio 3", "5 3"], "\(result.errors)")
    }

    @Test("a real-time policy of an executed process is its own", .enabled(if: Needs.realtime, Needs.noRealtime))
    func executedRealtime() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig("sleep", "1000").with {
                $0.linux["cgroupsPath"] = .string("/\(bundle.id)")
                $0.linux["resources"] = ["cpu": Self.realtime]
            })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        try bundle.write(
            #"{"args": ["sh", "-c", "cut -d ' ' -f 18,40,41 /proc/self/stat; ionice; exec cut -d ' ' -f 40,41 /proc/self/stat"], "cwd": "/", "env": ["PATH=/bin"], "#
                + #""ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0}, "#
                + #""scheduler": {"policy": "SCHED_RR", "priority": 9, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}}"#, to: "process.json")
        let own = try bundle.run(["exec", "--process", "\(bundle.directory)/process.json", bundle.id])
        // For a child the policy is reset; the I/O priority is inherited.
        #expect(own.lines == ["20 0 0", "idle", "9 2"], "\(own.errors)")
    }

    @Test(
        "a real-time policy is set although the program's user could not, also in a user namespace",
        .enabled(if: Needs.realtime, Needs.noRealtime), arguments: [false, true])
    func realtime(_ enclosed: Bool) throws {
        let bundle = try TestBundle()
        try TestBundle.shell("chmod 755 \(bundle.directory)")
        let config = TestConfig("cut", "-d", " ", "-f", "40,41", "/proc/self/stat").with {
            $0.process["scheduler"] = ["policy": "SCHED_FIFO", "priority": 4]
            $0.process["user"] = ["uid": 1000, "gid": 1000]
            $0.linux["cgroupsPath"] = .string("/\(bundle.id)")
            $0.linux["resources"] = ["cpu": Self.realtime]
            if enclosed {
                $0.linux["namespaces"] = [["type": "pid"], ["type": "mount"], ["type": "user"]]
                $0.linux["uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
                $0.linux["gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
                $0.mounts.removeLast(2)
            }
        }
        let result = try bundle.run(config)
        #expect(result.lines == ["4 1"], "\(result.errors)")
    }

    @Test("what the kernel refuses of a scheduler is an error with its name")
    func impossibleScheduler() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(
            TestConfig("true").with { $0.process["scheduler"] = ["policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 3, "period": 4] })
        #expect(result.errors == "swiftlet-oci: sched_setattr SCHED_DEADLINE: invalid argument (EINVAL)\n")
        #expect(bundle.leftovers == [])
    }

    @Test(
        "an executed process runs on the processors that it asks for",
        .enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1, "needs two processors"))
    func affinity() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000").with { $0.process["execCPUAffinity"] = ["initial": "0", "final": "1"] })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        let show = ["sh", "-c", "grep Cpus_allowed_list /proc/1/status /proc/self/status"]
        let result = try bundle.run(["exec", bundle.id] + show)
        #expect(result.lines.last == "/proc/self/status:Cpus_allowed_list:\t1", "\(result.errors)")
        // It is not for init.
        #expect(result.lines.first != "/proc/1/status:Cpus_allowed_list:\t1")
        try bundle.write(
            #"{"args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "execCPUAffinity": {"initial": "0"}}"#,
            to: "process.json")
        let initial = try bundle.run(["exec", "--process", "\(bundle.directory)/process.json", bundle.id])
        #expect(initial.lines == ["Cpus_allowed_list:\t0"], "\(initial.errors)")
    }

    @Test("LINUX32 shows a machine of 32 bits, to init and to exec", .enabled(if: Needs.otherMachines, Needs.noOtherMachines))
    func personality() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig(script: "uname -m > /tmp/machine; exec sleep 1000").with { $0.linux["personality"] = ["domain": "LINUX32"] })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        let result = try bundle.run(["exec", bundle.id, "sh", "-c", "uname -m; until test -s /tmp/machine; do :; done; cat /tmp/machine"])
        #if arch(x86_64)
            #expect(result.lines == ["i686", "i686"], "\(result.errors)")
        #endif
        #expect(try bundle.run(TestConfig("uname", "-m").with { $0.linux["personality"] = ["domain": "LINUX"] }).lines != ["i686"])
    }

    @Test("a memory policy is the program's", .enabled(if: unsafe access("/proc/self/numa_maps", F_OK) == 0, "needs a kernel with NUMA"))
    func memoryPolicy() throws {
        let bundle = try TestBundle()
        func shown(_ policy: JSON) throws -> TestBundle.Outcome {
            try bundle.run(
                TestConfig(script: "grep stack /proc/self/numa_maps | cut -d ' ' -f 2").with { $0.linux["memoryPolicy"] = policy })
        }
        let cases: [(JSON, String)] = [
            (["mode": "MPOL_BIND", "nodes": "0"], "bind:0"), (["mode": "MPOL_INTERLEAVE", "nodes": "0"], "interleave:0"),
            (["mode": "MPOL_PREFERRED", "nodes": "0"], "prefer:0"), (["mode": "MPOL_LOCAL"], "local"),
            (["mode": "MPOL_DEFAULT"], "default"),
            (["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]], "bind=static:0"),
            (["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]], "bind=relative:0"),
        ]
        for (policy, text) in cases {
            let result = try shown(policy)
            #expect(result.lines == [text], "\(result.errors)")
        }
        #expect(
            try shown(["mode": "MPOL_BIND", "nodes": "1000"]).errors
                == "swiftlet-oci: set_mempolicy MPOL_BIND 1000: invalid argument (EINVAL)\n")
    }

    @Test(
        "a class of service on a host without resctrl is an error",
        .enabled(if: unsafe access("/sys/fs/resctrl/schemata", F_OK) != 0, "has resctrl"))
    func resctrl() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(TestConfig("true").with { $0.linux["intelRdt"] = ["closID": "gold"] })
        #expect(result.errors.hasPrefix("swiftlet-oci: config.json linux.intelRdt: no resctrl file system is mounted"))
        #expect(bundle.leftovers == [])
    }

    @Test("the memory score is set for init and for exec; below the own it is an error without the privilege")
    func memoryScore() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000").with { $0.process["oomScoreAdj"] = 500 })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        #expect(try bundle.run(["exec", bundle.id, "cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj"]).lines == ["500", "500"])
        try bundle.write(
            #"{"args": ["cat", "/proc/self/oom_score_adj"], "cwd": "/", "env": ["PATH=/bin"], "oomScoreAdj": 700}"#, to: "process.json")
        #expect(try bundle.run(["exec", "--process", "\(bundle.directory)/process.json", bundle.id]).lines == ["700"])
        let lower = try TestBundle().run(TestConfig("cat", "/proc/self/oom_score_adj").with { $0.process["oomScoreAdj"] = -1000 })
        let mayLower = try permittedCapabilities().contains(number: 24)
        #expect(
            mayLower ? lower.lines == ["-1000"] : lower.errors == "swiftlet-oci: write oom_score_adj -1000: permission denied (EACCES)\n",
            "\(lower.errors)")
    }

    @Test("a session keyring of the container's own, unless it is refused")
    func keyring() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000"))
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        #expect(try bundle.run(["exec", bundle.id, "grep", "-c", "_ses.\(bundle.id)", "/proc/keys"]).lines == ["1"])
        let other = try TestBundle()
        try other.configure(TestConfig(script: "grep -c _ses.\(other.id) /proc/keys; true"))
        #expect(try other.run(["run", "--no-new-keyring", other.id]).lines == ["0"])
    }

    @Test("a terminal has the size of the document")
    func consoleSize() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig(script: "stty size > /tmp/size; exec sleep 1000").with {
                $0.process["terminal"] = true
                $0.process["consoleSize"] = ["height": 33, "width": 99]
            })
        let path = "\(bundle.directory)/console"
        let listener = try FD.listen(at: path)
        #expect(try bundle.run(["run", "-d", "--console-socket", path, bundle.id]).status == .code(0))
        withExtendedLifetime(listener) {}
        let show = "until test -s /tmp/size; do :; done; cat /tmp/size"
        #expect(try bundle.run(["exec", bundle.id, "sh", "-c", show]).lines == ["33 99"])
    }

    @Test("no_new_privs is set for init and for exec when it is asked for, and else not")
    func noNewPrivileges() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000").with { $0.process["noNewPrivileges"] = true })
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        let show = ["grep", "-h", "NoNewPrivs", "/proc/1/status", "/proc/self/status"]
        #expect(try bundle.run(["exec", bundle.id] + show).lines == ["NoNewPrivs:\t1", "NoNewPrivs:\t1"])
        #expect(try TestBundle().run(TestConfig("grep", "NoNewPrivs", "/proc/self/status")).lines == ["NoNewPrivs:\t0"])
    }

    @Test("the environment is that of the document and HOME, and arguments arrive as they are")
    func environment() throws {
        let bundle = try TestBundle()
        let result = try bundle.run(TestConfig("env").with { $0.process["env"] = ["PATH=/bin", "EMPTY=", "LINES=a b=c"] })
        #expect(result.lines == ["PATH=/bin", "EMPTY=", "LINES=a b=c", "HOME=/root"])
        let given = try bundle.run(
            TestConfig("sh", "-c", "echo \"$HOME\" \"$1\" $#", "x", "a  b", "").with { $0.process["env"] = ["PATH=/bin", "HOME=/else"] })
        #expect(given.lines == ["/else a  b 2"])
    }

    @Test("limits of a user namespace are set in it alone")
    func userNamespaceParameter() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("chmod 755 \(bundle.directory)")
        let config = TestConfig("cat", "/proc/sys/user/max_uts_namespaces").with {
            $0.linux["namespaces"] = [["type": "pid"], ["type": "mount"], ["type": "user"]]
            $0.linux["uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            $0.linux["gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            $0.linux["sysctl"] = ["user.max_uts_namespaces": "7"]
            $0.mounts.removeLast(2)
        }
        let before = try TestBundle.shell("cat /proc/sys/user/max_uts_namespaces").output
        let result = try bundle.run(config)
        #expect(result.lines == ["7"], "\(result.errors)")
        #expect(try TestBundle.shell("cat /proc/sys/user/max_uts_namespaces").output == before)
    }
}
