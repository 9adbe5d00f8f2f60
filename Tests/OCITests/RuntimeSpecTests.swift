import Testing

@testable import OCI

/// A configuration that asks for something of everything; tests change one thing of it.
enum Example {
    static let process: JSON = [
        "terminal": true, "consoleSize": ["height": 24, "width": 80], "user": ["uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4]],
        "args": ["sh", "-c", "true"], "env": ["PATH=/bin", "EMPTY="], "cwd": "/tmp",
        "capabilities": ["bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "ambient": []],
        "rlimits": [["type": "RLIMIT_NOFILE", "soft": 1024, "hard": .unsigned(.max)]], "noNewPrivileges": true, "oomScoreAdj": -5,
        "apparmorProfile": "", "selinuxLabel": nil, "commandLine": "ignored",
    ]

    static let resources: JSON = [
        "memory": ["limit": 1_048_576, "reservation": 65_536, "swap": -1, "swappiness": 10, "disableOOMKiller": false],
        "cpu": ["shares": 512, "quota": 20_000, "period": 100_000, "cpus": "0-1,3", "mems": "0"], "pids": ["limit": 10],
        "devices": [["allow": false, "access": "rwm"], ["allow": true, "type": "c", "major": 1, "minor": -1, "access": "r"]],
        "hugepageLimits": [["pageSize": "2MB", "limit": 0]], "blockIO": ["weight": 500], "unified": ["memory.high": "1000"], "network": [:],
    ]

    static let seccomp: JSON = [
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            ["names": ["read", "write"], "action": "SCMP_ACT_ALLOW"],
            [
                "names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                "args": [["index": 0, "value": 255, "valueTwo": 8, "op": "SCMP_CMP_MASKED_EQ"]],
            ],
        ],
    ]

    static let document: JSON = [
        "ociVersion": "1.0.2-dev", "process": process, "root": ["path": "rootfs", "readonly": true], "hostname": "box",
        "domainname": "example.test",
        "mounts": [
            ["destination": "/proc", "type": "proc", "source": "proc"],
            ["destination": "/data", "source": "/srv", "options": ["rbind", "ro"]],
        ],
        "hooks": ["prestart": [["path": "/bin/a", "args": ["a", "b"], "env": ["K=v"], "timeout": 5]], "poststop": [["path": "/bin/b"]]],
        "annotations": ["org.example": "x"], "aFieldOfTomorrow": [1, 2, 3],
        "linux": [
            "namespaces": [
                ["type": "pid"], ["type": "network", "path": "/run/net"], ["type": "uts"], ["type": "user"], ["type": "ipc", "path": ""],
            ],
            "uidMappings": [["containerID": 0, "hostID": 1000, "size": 1], ["containerID": 1, "hostID": 2000, "size": 65_535]],
            "gidMappings": [["containerID": 0, "hostID": 1000, "size": 65_536]],
            "devices": [
                ["path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8630, "uid": 0, "gid": 0],
                ["path": "/p", "type": "p"],
            ],
            "cgroupsPath": "/a/b", "resources": resources, "rootfsPropagation": "rslave", "seccomp": seccomp,
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"], "sysctl": ["net.ipv4.ip_forward": "1", "kernel/shmmax": "5"], "mountLabel": "", "intelRdt": [:],
        ],
    ]

    /// The document with one place changed; nil takes it away.
    static func changed(_ path: String, _ value: JSON?) -> JSON {
        change(document, path.split(separator: ".").map(String.init)[...], value)
    }

    private static func change(_ json: JSON, _ path: ArraySlice<String>, _ value: JSON?) -> JSON {
        guard let name = path.first else { return value ?? .null }
        if case .array(var items) = json, let number = Int(name) {
            items[number] = change(items[number], path.dropFirst(), value)
            return .array(items)
        }
        var object = json.object ?? JSONObject()
        object[name] = path.count == 1 ? value : change(object[name] ?? [:], path.dropFirst(), value)
        return .object(object)
    }
}

@Suite("config.json") struct RuntimeSpecTests {
    @Test("everything that is asked for arrives as a value")
    func everything() throws {
        let spec = try RuntimeSpec(json: Example.document.encoded())
        let process = try #require(spec.process)
        #expect(process.consoleSize == .init(height: 24, width: 80))
        #expect(process.user == UserSpec(uid: 1, gid: 2, umask: 0o22, additionalGids: [3, 4]))
        #expect(process.env == ["PATH=/bin", "EMPTY="])
        #expect(process.capabilities?.bounding == ["CAP_KILL"])
        #expect(process.capabilities?.inheritable == [])
        #expect(process.rlimits.map(\.kind.number) == [7])
        #expect(process.noNewPrivileges && process.oomScoreAdj == -5)
        #expect(spec.root.readonly && spec.hostname == "box" && spec.domainname == "example.test")
        #expect(spec.mounts[1] == MountSpec(destination: "/data", type: nil, source: "/srv", options: ["rbind", "ro"]))
        #expect(spec.hooks.prestart == [HookSpec(path: "/bin/a", args: ["a", "b"], env: ["K=v"], timeout: 5)])
        #expect(spec.hooks.poststop.map(\.path) == ["/bin/b"] && spec.hooks.poststart.isEmpty)
        #expect(spec.annotations == ["org.example": "x"])
    }

    @Test("the linux section arrives as values")
    func linux() throws {
        let linux = try RuntimeSpec(json: Example.document.encoded()).linux
        #expect(linux.namespaces.map(\.kind) == [.pid, .network, .uts, .user, .ipc])
        #expect(linux.namespace(.network)?.path == "/run/net" && linux.namespace(.ipc)?.path == nil)
        #expect(linux.uidMappings.map(\.hostID) == [1000, 2000])
        #expect(linux.devices[0] == DeviceSpec(kind: .character, path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0))
        #expect(linux.devices[1].kind == .fifo)
        #expect(linux.rootfsPropagation == .recursiveSlave)
        #expect(linux.sysctl.map(\.components) == [["net", "ipv4", "ip_forward"], ["kernel", "shmmax"]])
        let resources = try #require(linux.resources)
        #expect(
            resources.memory?.limit == 1 << 20 && resources.memory?.swap == -1 && resources.cpu?.cpus == "0-1,3"
                && resources.pids?.limit == 10)
        #expect(resources.devices[1] == DeviceRule(allow: true, kind: .character, major: 1, minor: nil, access: "r"))
        #expect(resources.unified == [UnifiedEntry(file: "memory.high", value: "1000")])
        let seccomp = try #require(linux.seccomp)
        #expect(seccomp.defaultAction == .errno && seccomp.defaultErrnoRet == 38 && seccomp.architectures == [.x8664, .aarch64])
        #expect(seccomp.rules[1].args == [.init(index: 0, comparison: .maskedEqual, value: 255, valueTwo: 8)])
    }

    @Test(
        "a value that makes no sense is refused by its field",
        arguments: [
            ("ociVersion", nil, "ociVersion"), ("ociVersion", "one", "ociVersion"), ("ociVersion", "1.2", "ociVersion"),
            ("ociVersion", "1.x.0", "ociVersion"), ("root", nil, "root"), ("root.path", 5, "root.path"),
            ("process.args", [], "process.args"), ("process.args", [""], "process.args"), ("process.args", ["a\u{0}b"], "process.args[0]"),
            ("process.cwd", "tmp", "process.cwd"), ("process.cwd", nil, "process.cwd"), ("process.env", ["PATH"], "process.env[0]"),
            ("process.env", ["A=1", "=x"], "process.env[1]"), ("process.user.uid", -1, "process.user.uid"),
            ("process.user.uid", 4_294_967_295, "process.user.uid"), ("process.user.gid", 4_294_967_296, "process.user.gid"),
            ("process.user.uid", "1", "process.user.uid"),
            ("process.user.additionalGids", [1, 4_294_967_295], "process.user.additionalGids[1]"),
            ("process.user.umask", 512, "process.user.umask"), ("process.rlimits.0.type", "RLIMIT_FISH", "process.rlimits[0].type"),
            ("process.rlimits.0.hard", 5, "process.rlimits[0].soft"), ("process.oomScoreAdj", 1001, "process.oomScoreAdj"),
            ("process.consoleSize.width", 70_000, "process.consoleSize.width"),
        ] as [(String, JSON?, String)])
    func process(_ path: String, _ value: JSON?, _ field: String) { refused(Example.changed(path, value), field) }

    @Test(
        "a value of the linux section that makes no sense is refused by its field",
        arguments: [
            ("linux.namespaces", [["type": "pid"], ["type": "pid"]], "linux.namespaces[1]"),
            ("linux.namespaces.0.type", "mnt", "linux.namespaces[0].type"),
            ("linux.namespaces.1.path", "net", "linux.namespaces[1].path"), ("linux.namespaces", [["type": "user"]], "hostname"),
            ("linux.uidMappings", nil, "linux.uidMappings"), ("linux.uidMappings.1.containerID", 0, "linux.uidMappings[1]"),
            ("linux.uidMappings.1.size", 4_294_967_295, "linux.uidMappings[1].containerID"),
            ("linux.uidMappings.0.size", 0, "linux.uidMappings[0].size"),
            ("linux.devices.0.type", "x", "linux.devices[0].type"), ("linux.devices.0.path", "fuse", "linux.devices[0].path"),
            ("linux.cgroupsPath", "/a/../b", "linux.cgroupsPath"), ("linux.cgroupsPath", "/a\nb", "linux.cgroupsPath"),
            ("linux.rootfsPropagation", "up", "linux.rootfsPropagation"), ("linux.maskedPaths", ["proc"], "linux.maskedPaths[0]"),
            ("linux.sysctl", ["kernel.core_pattern": "|/x"], "linux.sysctl.kernel.core_pattern"),
            ("linux.sysctl", ["net.ipv4.ip_forward": "1\n2"], "linux.sysctl.net.ipv4.ip_forward"),
            ("linux.sysctl", ["net/../kernel/core_pattern": "x"], "linux.sysctl.net/../kernel/core_pattern"),
            ("linux.sysctl", ["kernel.hostname": "x"], "linux.sysctl.kernel.hostname"),
            ("linux.resources.memory.limit", "1g", "linux.resources.memory.limit"),
            ("linux.resources.memory.swap", 5, "linux.resources.memory.swap"),
            ("linux.resources.memory.limit", -2, "linux.resources.memory.limit"),
            ("linux.resources.cpu.cpus", "0;1", "linux.resources.cpu.cpus"),
            ("linux.resources.devices.1.access", "rx", "linux.resources.devices[1].access"),
            ("linux.resources.devices.0.allow", nil, "linux.resources.devices[0].allow"),
            ("linux.resources.unified", ["../x.y": "1"], "linux.resources.unified.../x.y"),
            ("linux.resources.unified", ["cgroup.procs": "1"], "linux.resources.unified.cgroup.procs"),
            ("linux.seccomp.defaultAction", "SCMP_ACT_MAYBE", "linux.seccomp.defaultAction"),
            ("linux.seccomp.architectures", ["SCMP_ARCH_VAX"], "linux.seccomp.architectures[0]"),
            ("linux.seccomp.syscalls.1.args.0.op", "SCMP_CMP_IS", "linux.seccomp.syscalls[1].args[0].op"),
            ("linux.seccomp.syscalls.1.args.0.index", 6, "linux.seccomp.syscalls[1].args[0].index"),
            ("linux.seccomp.syscalls.0.names", [], "linux.seccomp.syscalls[0].names"),
            ("linux.seccomp.syscalls.0.errnoRet", 1, "linux.seccomp.syscalls[0].errnoRet"),
            ("mounts.0.destination", "", "mounts[0].destination"), ("hooks.prestart.0.path", "a", "hooks.prestart[0].path"),
            ("hooks.prestart.0.timeout", 0, "hooks.prestart[0].timeout"), ("hostname", "a\nb", "hostname"), ("hostname", "a/b", "hostname"),
            ("hostname", .string(String(repeating: "a", count: 65)), "hostname"), ("annotations", ["a": 1], "annotations.a"),
        ] as [(String, JSON?, String)])
    func linux(_ path: String, _ value: JSON?, _ field: String) { refused(Example.changed(path, value), field) }

    @Test(
        "what is not done is refused as such, by its field",
        arguments: [
            ("ociVersion", "2.0.0", "ociVersion"), ("process.scheduler", ["policy": "SCHED_ISO"], "process.scheduler.policy"),
            ("linux.personality", ["domain": "LINUX32", "flags": ["ADDR_NO_RANDOMIZE"]], "linux.personality.flags[0]"),
            ("vm", ["kernel": ["path": "/k"]], "vm"),
        ] as [(String, JSON?, String)])
    func unsupported(_ path: String, _ value: JSON?, _ field: String) {
        let bytes = Example.changed(path, value).encoded()
        #expect { try RuntimeSpec(json: bytes) } throws: { error in
            guard case SpecError.unsupported(field: let found, reason: _)? = error as? SpecError else { return false }
            return found == field
        }
    }

    @Test("a parameter of a namespace that the container shares with the host is refused")
    func sysctlOfTheHost() {
        let namespaces: JSON = [["type": "uts"], ["type": "pid"], ["type": "user"], ["type": "ipc"]]
        refused(Example.changed("linux.namespaces", namespaces), "linux.sysctl.net.ipv4.ip_forward")
    }

    @Test("a process is read alone, and its errors begin with its name")
    func exec() throws {
        #expect(try ProcessSpec(json: Example.process.encoded()) == RuntimeSpec(json: Example.document.encoded()).process)
        let error = #expect(throws: SpecError.self) { try ProcessSpec(json: Array(#"{"args":["sh"],"cwd":5}"#.utf8)) }
        #expect(error == .invalid(field: "process.cwd", reason: "a string expected, found a number"))
        #expect(throws: SpecError.invalid(field: "process", reason: "is missing")) { try ProcessSpec(json: Array("null".utf8)) }
    }

    @Test("a document beyond the limit is not even parsed")
    func limit() {
        let error = #expect(throws: SpecError.self) { try RuntimeSpec(json: [UInt8](repeating: 0x20, count: (16 << 20) + 1)) }
        #expect(error == .tooLarge(bytes: (16 << 20) + 1, limit: 16 << 20))
    }

    @Test("a state is written in the specification's order with 0 for no process")
    func state() {
        let state = ContainerState(id: "a", status: .stopped, pid: nil, bundle: "/b", annotations: ["y": "2", "x": "1"])
        let text =
            #"{"ociVersion":"\#(ContainerState.version)","id":"a","status":"stopped","pid":0,"bundle":"/b","annotations":{"x":"1","y":"2"}}"#
        #expect(String(decoding: state.encoded(), as: UTF8.self) == text)
    }

    private func refused(_ document: JSON, _ field: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(sourceLocation: sourceLocation) { try RuntimeSpec(json: document.encoded()) } throws: { error in
            guard case SpecError.invalid(field: let found, reason: _)? = error as? SpecError else { return false }
            return found == field
        }
    }
}
