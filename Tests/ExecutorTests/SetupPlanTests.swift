import LinuxSys
import OCI
import Testing

@testable import Executor

@Suite("the plan of a set-up")
struct SetupPlanTests {
    private static let streams = ProcessStreams.descriptors(stdin: nil, stdout: nil, stderr: nil)

    private func spec(_ config: TestConfig) throws -> RuntimeSpec { try RuntimeSpec(json: config.json.encoded()) }

    private func plan(_ config: TestConfig, streams: ProcessStreams = streams, options: ExecutorOptions = .init()) throws -> SetupPlan {
        try SetupPlan(initial: spec(config), id: "c", bundle: "/b", streams: streams, options: options)
    }

    private static let kept = CapabilitySet(number: 5)

    /// As small as a configuration can be.
    private static func small() -> TestConfig {
        TestConfig("prog", "arg").with {
            $0.mounts = []
            $0.linux["namespaces"] = [["type": "mount"]]
            $0.process["capabilities"] = ["bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]]
        }
    }

    private static var devices: [SetupStep] {
        DefaultDevices.nodes.map { .makeDevice(DevicePlan(making: .node, device: $0)) }
            + DefaultDevices.links.map { .linkDevice(name: $0.name, target: $0.target) }
    }

    private static let identity = SetupStep.setIdentity(IdentityPlan(uid: 0, gid: 0, additional: [], keepsCapabilities: true))

    @Test("init: namespaces, file systems, hooks, root, process, gate, program, in this order")
    func initial() throws {
        let head: [SetupStep] = [.startSession, .joinSessionKeyring("_ses.c"), .openRoot(.mount)]
        let middle: [SetupStep] = [
            .makeWorkingDirectory("/"), .enterRoot(.pivot), .joinCgroup, .connectStreams(owner: 0), .enterWorkingDirectory("/"),
        ]
        let end: [SetupStep] = [
            .limitBoundingSet(Self.kept), Self.identity, .setCapabilities(effective: Self.kept, permitted: Self.kept),
            .setFileModeMask(0o022),
            .locateProgram(name: "prog", uid: 0), .awaitRelease, .awaitStart, .execute(["prog", "arg"]),
        ]
        #expect(try plan(Self.small()).steps == head + Self.devices + middle + end)
    }

    @Test("exec: the same process steps without a container, a gate or hooks")
    func executing() throws {
        let container = try spec(Self.small().with { $0.members["hooks"] = ["startContainer": [["path": "/x"]]] })
        let process = try ProcessSpec(json: Array(#"{"args": ["x"], "cwd": "/d", "user": {"uid": 7, "gid": 8, "umask": 63}}"#.utf8))
        let plan = try SetupPlan(executing: process, in: container, id: "c", streams: Self.streams, options: ExecutorOptions())
        #expect(
            plan.steps == [
                .startSession, .joinSessionKeyring("_ses.c"), .joinCgroup, .connectStreams(owner: 7), .enterWorkingDirectory("/d"),
                .limitBoundingSet(Self.kept),
                .setIdentity(IdentityPlan(uid: 7, gid: 8, additional: [], keepsCapabilities: true)),
                .setCapabilities(effective: Self.kept, permitted: Self.kept), .setFileModeMask(63), .locateProgram(name: "x", uid: 7),
                .awaitRelease,
                .execute(["x"]),
            ])
    }

    @Test("a filter is loaded before privileges go, or last of all when no_new_privs is set", arguments: [false, true])
    func seccomp(_ noNewPrivileges: Bool) throws {
        let config = Self.small().with {
            $0.process["noNewPrivileges"] = .bool(noNewPrivileges)
            $0.linux["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW"]
            $0.members["hooks"] = ["startContainer": [["path": "/x"]]]
        }
        let steps = try plan(config).steps
        let load = try #require(steps.firstIndex(of: .loadSeccomp(noNewPrivileges ? .created : .creating)))
        if noNewPrivileges {
            #expect(steps.suffix(3) == [.runHooks(.startContainer), .loadSeccomp(.created), .execute(["prog", "arg"])])
            #expect(steps.contains(.forbidNewPrivileges))
        } else {
            #expect(load < (steps.firstIndex(of: .limitBoundingSet(Self.kept)) ?? 0))
        }
    }

    @Test("what depends on namespaces: root of the user namespace, lo, names; the cgroup's after the root is entered")
    func namespaces() throws {
        let config = Self.small().with {
            $0.linux["namespaces"] = [["type": "mount"], ["type": "cgroup"], ["type": "network"], ["type": "uts"], ["type": "user"]]
            $0.linux["uidMappings"] = [["containerID": 0, "hostID": 1, "size": 1]]
            $0.linux["gidMappings"] = [["containerID": 0, "hostID": 1, "size": 1]]
            $0.members["hostname"] = "h"
        }
        let steps = try plan(config).steps
        #expect(steps.prefix(4) == [.becomeNamespaceRoot, .bringLoopbackUp, .setHostName("h"), .startSession])
        let entered = try #require(steps.firstIndex(of: .enterRoot(.pivot)))
        #expect(steps[(entered + 1)...].prefix(2) == [.joinCgroup, .unshareCgroupNamespace])
        let makings = steps.compactMap { step -> DevicePlan.Making? in if case .makeDevice(let plan) = step { plan.making } else { nil } }
        #expect(makings == Array(repeating: .bind, count: 6))
        let joined = Self.small().with {
            $0.linux["namespaces"] = [["type": "mount"], ["type": "network", "path": "/n"], ["type": "cgroup", "path": "/c"]]
        }
        #expect(try plan(joined).steps.first == .startSession)
    }

    @Test("protections come after the root is entered, the root itself last")
    func protections() throws {
        let config = Self.small().with {
            $0.readonlyRoot = true
            $0.linux["maskedPaths"] = ["/m"]
            $0.linux["readonlyPaths"] = ["/r"]
            $0.linux["rootfsPropagation"] = "rshared"
        }
        let steps = try plan(config).steps
        let at = try #require(steps.firstIndex(of: .enterRoot(.pivot)))
        #expect(
            steps[(at + 1)...].prefix(4) == [
                .setRootPropagation(.recursiveShared), .makeReadonly("/r"), .mask("/m"), .makeMountReadonly("/"),
            ])
    }

    @Test("a read-only /dev becomes so only when its nodes are made")
    func readonlyDev() throws {
        let steps = try plan(Self.small().with { $0.mounts = [TestConfig.mount("/dev", "tmpfs", ["ro"])] }).steps
        let made = steps.compactMap { step -> MountPlan? in if case .mount(let plan) = step { plan } else { nil } }
        #expect(made.map(\.set) == [[]])
        #expect(steps.contains(.makeMountReadonly("/dev")))
    }

    @Test("a /dev that is bound from outside gets neither nodes nor links")
    func boundDev() throws {
        let steps = try plan(Self.small().with { $0.mounts = [TestConfig.mount("/dev", "none", ["rbind"], source: "/dev")] }).steps
        for step in steps { if case .makeDevice = step { Issue.record("\(step)") } }
    }

    @Test("a terminal is opened when all file systems are there, with the size that was requested")
    func terminal() throws {
        let config = Self.small().with {
            $0.process["terminal"] = true
            $0.process["consoleSize"] = ["height": 1, "width": 2]
        }
        #expect(
            try plan(config, streams: .terminal(rows: 0, columns: 0)).steps.contains(
                .openConsole(ConsolePlan(rows: 1, columns: 2, atDevConsole: true))))
        #expect(
            try plan(config, streams: .terminal(rows: 3, columns: 4)).steps.contains(
                .openConsole(ConsolePlan(rows: 3, columns: 4, atDevConsole: true))))
    }

    @Test("without a mount namespace the rootfs is a directory that becomes the root")
    func sharedMounts() throws {
        let steps = try plan(Self.small().with { $0.linux["namespaces"] = [] }).steps
        #expect(steps.contains(.openRoot(.directory)) && steps.contains(.enterRoot(.changeRoot)))
    }

    @Test("a tmpfs that is to be read-only is so when everything is in it, at its own place among the protections")
    func readonlyMemory() throws {
        let config = Self.small().with {
            $0.mounts = [
                TestConfig.mount("/run", "tmpfs", ["ro"]), TestConfig.mount("/b", "bind", ["ro"], source: "/x"),
                TestConfig.mount("/two", "tmpfs", ["ro"]), TestConfig.mount("/two", "tmpfs", []),
            ]
        }
        let steps = try plan(config).steps
        #expect(steps.filter { if case .makeMountReadonly = $0 { true } else { false } } == [.makeMountReadonly("/run")])
        let at = try #require(steps.firstIndex(of: .enterRoot(.pivot)))
        #expect(steps[at + 1] == .makeMountReadonly("/run"))
    }

    @Test(
        "private and slave propagation of the rootfs stand before its mounts are made and are not said again",
        arguments: ["private", "rslave"])
    func quietPropagation(_ word: String) throws {
        for step in try plan(Self.small().with { $0.linux["rootfsPropagation"] = .string(word) }).steps {
            if case .setRootPropagation = step { Issue.record("\(step)") }
        }
    }

    @Test("a relative destination counts from the root and is warned of, as are mappings without their option")
    func mountWarnings() throws {
        let mappings: JSON = [["containerID": 0, "hostID": 5, "size": 1]]
        let config = Self.small().with {
            $0.mounts = [
                TestConfig.mount("here/there", "tmpfs", []),
                [
                    "destination": "/m", "type": "bind", "source": "/x", "options": ["rbind"], "uidMappings": mappings,
                    "gidMappings": mappings,
                ],
            ]
        }
        let made = try plan(config)
        let mounts = made.steps.compactMap { step -> MountPlan? in if case .mount(let plan) = step { plan } else { nil } }
        #expect(mounts[0].destination == "/here/there" && mounts[1].idMap?.scope == .single && mounts[1].idMap?.uid.first?.hostID == 5)
        #expect(made.warnings.map { $0.prefix(9) } == ["mounts[0]", "mounts[1]"])
    }

    @Test("options of the request: no pivot, no keyring")
    func options() throws {
        var options = ExecutorOptions()
        options.noPivotRoot = true
        options.noNewKeyring = true
        let steps = try plan(Self.small(), options: options).steps
        #expect(steps.contains(.enterRoot(.move)) && !steps.contains(.joinSessionKeyring("_ses.c")))
    }

    @Test("what cannot be done is refused with its field")
    func refused() throws {
        let cases: [(TestConfig, String)] = [
            (
                Self.small().with {
                    $0.linux["namespaces"] = []
                    $0.mounts = [TestConfig.mount("/a", "tmpfs", [])]
                }, "mounts"
            ),
            (
                Self.small().with {
                    $0.linux["namespaces"] = []
                    $0.linux["maskedPaths"] = ["/a"]
                }, "linux.maskedPaths"
            ),
            (
                Self.small().with {
                    $0.linux["namespaces"] = []
                    $0.linux["readonlyPaths"] = ["/a"]
                }, "linux.readonlyPaths"
            ),
            (
                Self.small().with {
                    $0.linux["namespaces"] = []
                    $0.linux["rootfsPropagation"] = "slave"
                }, "linux.rootfsPropagation"
            ),
            (
                Self.small().with {
                    $0.linux["namespaces"] = []
                    $0.readonlyRoot = true
                }, "root.readonly"
            ),
            (Self.small().with { $0.linux["netDevices"] = ["eth0": [:]] }, "linux.netDevices"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/", "tmpfs", [])] }, "mounts[0].destination"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/a", "ramfs", ["tmpcopyup"])] }, "mounts[0].options"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/a", "tmpfs", ["idmap"])] }, "mounts[0].options"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/a", "bind", ["ridmap"], source: "/x")] }, "mounts[0].options"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/proc", "tmpfs", [])] }, "mounts[0].destination"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/proc/sys", "tmpfs", [])] }, "mounts[0].destination"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/proc", "cgroup", [])] }, "mounts[0].destination"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/a", "bind", ["mode=1"], source: "/x")] }, "mounts[0].options"),
            (Self.small().with { $0.mounts = [TestConfig.mount("/proc/1/exe", "bind", ["bind"], source: "/x")] }, "mounts[0].destination"),
            (Self.small().with { $0.process["capabilities"] = ["effective": ["CAP_KILL"]] }, "process.capabilities.effective"),
        ]
        for (config, field) in cases {
            do {
                _ = try plan(config)
                Issue.record("\(field) was taken")
            } catch let failure as ExecutorFailure {
                #expect(failure.subject == field)
            }
        }
    }
}
