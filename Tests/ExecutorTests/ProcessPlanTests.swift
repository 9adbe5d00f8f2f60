import LinuxSys
import OCI
import Testing

@testable import Executor

/// What a process is given and confined by, as steps.
@Suite("the plan of a process") struct ProcessPlanTests {
    private static let streams = ProcessStreams.descriptors(stdin: nil, stdout: nil, stderr: nil)
    private static let kept = CapabilitySet(number: 5)

    private func spec(_ config: TestConfig) throws -> RuntimeSpec { try RuntimeSpec(json: config.json.encoded()) }

    private func plan(_ config: TestConfig, _ abilities: Abilities = Abilities()) throws -> SetupPlan {
        try SetupPlan(initial: spec(config), id: "c", bundle: "/b", streams: Self.streams, options: .init(), abilities: abilities)
    }

    /// As small as a configuration can be.
    private static func small() -> TestConfig {
        TestConfig("prog", "arg").with {
            $0.mounts = []
            $0.linux["namespaces"] = [["type": "mount"]]
            $0.process["capabilities"] = ["bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]]
        }
    }

    @Test("exec: what its document leaves out of confinement and priorities is as in the container")
    func inherited() throws {
        let container = try spec(
            Self.small().with {
                $0.process["rlimits"] = [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]]
                $0.process["ioPriority"] = ["class": "IOPRIO_CLASS_IDLE", "priority": 7]
                $0.process["scheduler"] = ["policy": "SCHED_BATCH"]
                $0.process["execCPUAffinity"] = ["final": "0"]
                $0.process["oomScoreAdj"] = 5
                $0.process["apparmorProfile"] = "profile"
                $0.process["selinuxLabel"] = "label"
            })
        let own = try ProcessSpec(json: Array(#"{"args": ["x"], "cwd": "/"}"#.utf8)).inheriting(from: container.process)
        let theirs = try #require(container.process)
        #expect(own.rlimits == theirs.rlimits && own.ioPriority == theirs.ioPriority && own.scheduler == theirs.scheduler)
        #expect(own.execCPUAffinity == theirs.execCPUAffinity && own.oomScoreAdj == 5 && own.capabilities == theirs.capabilities)
        #expect(own.apparmorProfile == "profile" && own.selinuxLabel == "label")
        let text = #"{"args": ["x"], "cwd": "/", "oomScoreAdj": 6, "rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]}"#
        let other = try ProcessSpec(json: Array(text.utf8)).inheriting(from: container.process)
        #expect(other.oomScoreAdj == 6 && other.rlimits.map(\.kind) == [.cpu])
    }

    @Test("personality, memory policy and labels come before the filter, which might forbid them; labels of an exec are for its way in")
    func settings() throws {
        let config = Self.small().with {
            $0.process["selinuxLabel"] = "label"
            $0.process["apparmorProfile"] = "profile"
            $0.linux["personality"] = ["domain": "LINUX32"]
            $0.linux["memoryPolicy"] = ["mode": "MPOL_BIND", "nodes": "0"]
            $0.linux["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW"]
        }
        var abilities = Abilities()
        abilities.modules = SecurityModules(apparmor: true, selinux: true)
        let container = try spec(config)
        let policy = try #require(container.linux.memoryPolicy)
        let labels = [SecurityLabel(.apparmor, "profile"), SecurityLabel(.selinux, "label")]
        let whole = try SetupPlan(
            initial: container, id: "c", bundle: "/b", streams: Self.streams, options: .init(), abilities: abilities)
        let at = try #require(whole.steps.firstIndex(of: .setPersonality(.linux32)))
        #expect(
            whole.steps[at...].prefix(5) == [
                .setPersonality(.linux32), .setMemoryPolicy(policy), .setLabel(labels[0]), .setLabel(labels[1]), .loadSeccomp(.creating),
            ])
        let process = try ProcessSpec(json: Array(#"{"args": ["x"], "cwd": "/"}"#.utf8))
        let joining = try SetupPlan(
            executing: process, in: container, id: "c", streams: Self.streams, options: .init(), abilities: abilities)
        #expect(joining.labels == labels && !joining.steps.contains(.setLabel(labels[0])))
        #expect(joining.steps.contains(.setPersonality(.linux32)) && joining.steps.contains(.loadSeccomp(.running)))
    }

    @Test("ambient capabilities are raised after the hooks, just before the program")
    func ambient() throws {
        let config = Self.small().with {
            $0.process["capabilities"] = ["permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]]
            $0.members["hooks"] = ["startContainer": [["path": "/x"]]]
        }
        let made = try plan(config)
        #expect(made.steps.suffix(3) == [.runHooks(.startContainer), .raiseAmbient(Self.kept), .execute(["prog", "arg"])])
        #expect(made.warnings == [])
    }

    @Test("capabilities that are not to be had, and inheritable ones, are left out with a warning")
    func leftOut() throws {
        let config = Self.small().with {
            $0.process["capabilities"] = [
                "bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL", "CAP_CHOWN"],
                "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL", "CAP_SYSLOG"], "ambient": ["CAP_KILL", "CAP_FOWNER"],
            ]
        }
        var abilities = Abilities()
        abilities.capabilities = Self.kept
        let made = try SetupPlan(
            initial: spec(config), id: "c", bundle: "/b", streams: Self.streams, options: .init(), abilities: abilities)
        #expect(made.steps.contains(.limitBoundingSet(Self.kept)))
        #expect(made.steps.contains(.setCapabilities(effective: [], permitted: Self.kept)))
        #expect(made.steps.contains(.raiseAmbient(Self.kept)))
        #expect(
            made.warnings == [
                "process.capabilities: CAP_CHOWN left out: not to be had here",
                "process.capabilities.ambient: CAP_FOWNER left out: not in process.capabilities.permitted",
                "process.capabilities.inheritable: CAP_SYSLOG left out: only ambient ones are inherited",
            ])
    }

    @Test(
        "a name that is no capability is refused where it stands",
        arguments: ["bounding", "effective", "permitted", "inheritable", "ambient"])
    func noCapability(_ kind: String) {
        #expect(
            throws: ExecutorFailure(
                operation: "config.json", subject: "process.capabilities.\(kind)[1]", reason: "CAP_TIME_TRAVEL is not a capability")
        ) {
            try plan(Self.small().with { $0.process["capabilities"] = [kind: ["CAP_KILL", "CAP_TIME_TRAVEL"]] })
        }
    }

    @Test("a label whose module the kernel does not run is an error (CVE-2019-16884)")
    func absentModules() throws {
        for (field, module) in [("apparmorProfile", "AppArmor"), ("selinuxLabel", "SELinux")] {
            do {
                _ = try plan(Self.small().with { $0.process[field] = "x" })
                Issue.record("\(field) was taken")
            } catch let failure as ExecutorFailure {
                #expect(failure.description == "config.json process.\(field): \(module) is not enabled in this kernel")
            }
        }
        #expect(try plan(Self.small().with { $0.process["apparmorProfile"] = "unconfined" }).steps == plan(Self.small()).steps)
    }

    @Test("a home is found in what passwd(5) says of a number, and nothing else is taken for one")
    func homes() {
        func home(_ text: String) -> String? { Passwd.home(of: 7, listedIn: Array(text.utf8)) }
        #expect(home("root:x:0:0::/root:/bin/sh\nseven:x:7:7:A, B:/home/7:/bin/sh\nagain:x:7:7::/other:\n") == "/home/7")
        #expect(home("short:x:7\n\n:::::\nseven::7:::/h") == "/h")
        #expect(home("seven:x:7:7::home:/bin/sh\nagain:x:7:7::/other:\n") == nil)
        #expect(home("seven:x:7:7::/a\u{1b}[2J:/bin/sh\n") == nil)
        #expect(home("seven:x:17:7::/h:\nseven:x: 7:7::/h:\nseven:7:x:7::/h:\n") == nil)
        #expect(home("") == nil)
    }

    @Test("the modules that run are told by the kernel's own files, not by what lies about")
    func modules() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("mkdir -p \(bundle.directory)/sys/module/apparmor/parameters \(bundle.directory)/sys/fs/selinux")
        let sys = "\(bundle.directory)/sys"
        #expect(SecurityModules(sys: sys) == SecurityModules(apparmor: false, selinux: false))
        try bundle.write("Y\n", to: "sys/module/apparmor/parameters/enabled")
        #expect(SecurityModules(sys: sys) == SecurityModules(apparmor: true, selinux: false))
        try bundle.write("N\n", to: "sys/module/apparmor/parameters/enabled")
        #expect(SecurityModules(sys: sys) == SecurityModules(apparmor: false, selinux: false))
    }
}
