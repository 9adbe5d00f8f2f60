import Testing

@testable import OCI

@Suite("what a process is given") struct ProcessSpecTests {
    private func process(_ name: String, _ value: JSON) throws -> ProcessSpec {
        try ProcessSpec(json: Example.changed("process.\(name)", value)["process"]?.encoded() ?? [])
    }

    private func linux(_ name: String, _ value: JSON) throws -> LinuxSpec {
        try RuntimeSpec(json: Example.changed("linux.\(name)", value).encoded()).linux
    }

    @Test("lists of processors and nodes are read strictly")
    func lists() {
        #expect(NumberList("0-3,7", largest: 100)?.numbers == [0, 1, 2, 3, 7])
        #expect(NumberList("5,0,1-1", largest: 5)?.numbers == [0, 1, 5])
        #expect(NumberList("0,63,64,130", largest: 200)?.words == [0x8000_0000_0000_0001, 1, 4])
        for text in ["", ",", "1-", "-1", "3-1", "a", "0-3 ", "+1", "1--2", "101", "0x1", "99999999999999999999"] {
            #expect(NumberList(text, largest: 100) == nil, "\(text)")
        }
    }

    @Test("every scheduling policy and flag of the specification is known")
    func scheduler() throws {
        let fifo = try #require(try process("scheduler", ["policy": "SCHED_FIFO", "priority": 5]).scheduler)
        #expect(fifo.policy == .fifo && fifo.priority == 5 && fifo.nice == 0)
        for policy in ["SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE", "SCHED_DEADLINE"] {
            #expect(try process("scheduler", ["policy": .string(policy)]).scheduler?.policy.rawValue == policy)
        }
        let flags: JSON = [
            "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS",
            "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
        ]
        let deadline = try #require(
            try process("scheduler", ["policy": "SCHED_DEADLINE", "flags": flags, "runtime": 1, "deadline": 2, "period": 3]).scheduler)
        #expect(deadline.flags == SchedulerSpec.Flag.allCases)
        #expect([deadline.runtime, deadline.deadline, deadline.period] == [1, 2, 3])
    }

    @Test("I/O priority, affinity, labels and scores arrive as values")
    func others() throws {
        let priority = try #require(try process("ioPriority", ["class": "IOPRIO_CLASS_RT", "priority": 3]).ioPriority)
        #expect(priority.kind == .realtime && priority.priority == 3)
        let affinity = try #require(try process("execCPUAffinity", ["initial": "1", "final": "0-1"]).execCPUAffinity)
        #expect(affinity.initial?.numbers == [1] && affinity.final?.numbers == [0, 1])
        #expect(try process("execCPUAffinity", ["initial": ""]).execCPUAffinity == nil)
        #expect(try process("apparmorProfile", "docker-default").apparmorProfile == "docker-default")
        #expect(try process("selinuxLabel", "a:b:c:s0").selinuxLabel == "a:b:c:s0")
        #expect(try process("oomScoreAdj", 1000).oomScoreAdj == 1000)
    }

    @Test("a name of a user beside the numbers means nothing on Linux")
    func username() throws { #expect(try process("user", ["uid": 5, "gid": 6, "username": "root"]).user == UserSpec(uid: 5, gid: 6)) }

    @Test("personality and memory policy arrive as values")
    func memory() throws {
        #expect(try linux("personality", ["domain": "LINUX32"]).personality?.domain == .linux32)
        #expect(try linux("personality", ["domain": "LINUX", "flags": []]).personality?.domain == .linux)
        let policy = try #require(
            try linux("memoryPolicy", ["mode": "MPOL_INTERLEAVE", "nodes": "2-3", "flags": ["MPOL_F_STATIC_NODES"]]).memoryPolicy)
        #expect(policy.mode == .interleave && policy.nodes?.numbers == [2, 3] && policy.flags == [.staticNodes])
        for mode in ["MPOL_DEFAULT", "MPOL_LOCAL", "MPOL_PREFERRED"] {
            #expect(try linux("memoryPolicy", ["mode": .string(mode)]).memoryPolicy?.mode.rawValue == mode)
        }
    }

    @Test("a listener arrives with its metadata, and is demanded by its action")
    func listener() throws {
        let rules: JSON = [["names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"]]
        let seccomp = try #require(
            try linux(
                "seccomp",
                [
                    "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules, "listenerPath": "/run/agent", "listenerMetadata": "x",
                    "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
                ]
            ).seccomp)
        #expect(seccomp.notifies && seccomp.listenerPath == "/run/agent" && seccomp.listenerMetadata == "x")
        let unused = try #require(try linux("seccomp", ["defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent"]).seccomp)
        #expect(!unused.notifies)
    }

    @Test("the state for an agent has the specification's form")
    func processState() {
        let state = ContainerProcessState(
            pid: 5, metadata: "m", state: ContainerState(id: "a", status: .creating, pid: 4, bundle: "/b"))
        let version = ContainerState.version
        #expect(
            String(decoding: state.encoded(), as: UTF8.self)
                == #"{"ociVersion":"\#(version)","fds":["seccompFd"],"pid":5,"metadata":"m","#
                + #""state":{"ociVersion":"\#(version)","id":"a","status":"creating","pid":4,"bundle":"/b"}}"#)
    }

    @Test("a class of service arrives as values")
    func rdt() throws {
        let spec = try #require(
            try linux("intelRdt", ["closID": "gold", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "enableMonitoring": true])
                .intelRdt)
        #expect(spec.closID == "gold" && spec.l3CacheSchema == "L3:0=f" && spec.memBwSchema == "MB:0=20" && spec.enableMonitoring)
        #expect(try linux("intelRdt", ["closID": "/", "schemata": ["L2:0=f"]]).intelRdt?.schemata == ["L2:0=f"])
        #expect(try linux("intelRdt", [:]).intelRdt?.closID == nil)
    }

    @Test(
        "a value that makes no sense is refused by its field",
        arguments: [
            ("process.scheduler", ["nice": 1], "process.scheduler.policy"),
            ("process.scheduler", ["policy": "SCHED_FIFO"], "process.scheduler.priority"),
            ("process.scheduler", ["policy": "SCHED_OTHER", "priority": 1], "process.scheduler.priority"),
            ("process.scheduler", ["policy": "SCHED_OTHER", "nice": 20], "process.scheduler.nice"),
            ("process.scheduler", ["policy": "SCHED_OTHER", "flags": ["X"]], "process.scheduler.flags[0]"),
            ("process.scheduler", ["policy": "SCHED_OTHER", "runtime": 1], "process.scheduler"),
            ("process.ioPriority", ["class": "IOPRIO_CLASS_RT", "priority": 8], "process.ioPriority.priority"),
            ("process.ioPriority", ["class": "IOPRIO_CLASS_RT"], "process.ioPriority.priority"),
            ("process.ioPriority", ["class": "RT", "priority": 1], "process.ioPriority.class"),
            ("process.execCPUAffinity", ["final": "0-"], "process.execCPUAffinity.final"),
            ("process.selinuxLabel", "a\nb", "process.selinuxLabel"), ("process.apparmorProfile", "a\nb", "process.apparmorProfile"),
            ("linux.personality", ["domain": "SVR4"], "linux.personality.domain"),
            ("linux.memoryPolicy", ["mode": "MPOL_BIND"], "linux.memoryPolicy.nodes"),
            ("linux.memoryPolicy", ["mode": "MPOL_LOCAL", "nodes": "0"], "linux.memoryPolicy.nodes"),
            ("linux.memoryPolicy", ["mode": "MPOL_BIND", "nodes": "x"], "linux.memoryPolicy.nodes"),
            (
                "linux.memoryPolicy", ["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]],
                "linux.memoryPolicy.flags"
            ),
            ("linux.intelRdt", ["closID": "../x"], "linux.intelRdt.closID"),
            ("linux.intelRdt", ["closID": "info"], "linux.intelRdt.closID"),
            ("linux.intelRdt", ["memBwSchema": "L3:0=f"], "linux.intelRdt.memBwSchema"),
            ("linux.intelRdt", ["schemata": ["L3:0=f\nL3:1=f"]], "linux.intelRdt.schemata[0]"),
            ("linux.seccomp.listenerMetadata", "x", "linux.seccomp.listenerMetadata"),
            ("linux.seccomp.syscalls.0.action", "SCMP_ACT_NOTIFY", "linux.seccomp.listenerPath"),
            ("linux.seccomp.listenerPath", "run/x", "linux.seccomp.listenerPath"),
            ("linux.seccomp.flags", ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "linux.seccomp.flags[0]"),
            ("linux.sysctl", ["user.max_user_namespaces": "5\n6"], "linux.sysctl.user.max_user_namespaces"),
        ] as [(String, JSON?, String)])
    func refused(_ path: String, _ value: JSON?, _ field: String) {
        #expect { try RuntimeSpec(json: Example.changed(path, value).encoded()) } throws: { error in
            guard case SpecError.invalid(field: let found, reason: _)? = error as? SpecError else { return false }
            return found == field
        }
    }
}
