import LinuxSys
import OCI
import Testing

@testable import Executor

@Suite("where the cgroup is joined")
struct CgroupPlacementTests {
    private static let cgroup = TestConfig.mount("/sys/fs/cgroup", "cgroup", ["ro"])

    /// The names of the steps that count here, in their order.
    private func order(namespace: Bool, _ change: (inout TestConfig) -> Void = { _ in }) throws -> [String] {
        let config = TestConfig("prog").with {
            $0.mounts = [TestConfig.mount("/sys", "sysfs", []), Self.cgroup, TestConfig.mount("/dev", "tmpfs", [])]
            if !namespace { $0.linux["namespaces"] = [["type": "mount"]] }
            change(&$0)
        }
        let plan = try SetupPlan(
            initial: RuntimeSpec(json: config.json.encoded()), id: "c", bundle: "/b",
            streams: .descriptors(stdin: nil, stdout: nil, stderr: nil), options: ExecutorOptions())
        return plan.steps.compactMap { step in
            switch step {
            case .mount(let plan): plan.destination
            case .awaitCgroup: "await"
            case .joinCgroup: "join"
            case .unshareCgroupNamespace: "unshare"
            case .awaitRuntimeHooks, .runHooks: "hooks"
            case .enterRoot: "root"
            case .makeReadonly(let path): "ro \(path)"
            case .mask(let path): "mask \(path)"
            case .setIdentity: "user"
            default: nil
            }
        }
    }

    @Test("without a cgroup namespace the mounts wait for the directories, and the join is the last thing before the process' own steps")
    func shared() throws {
        #expect(try order(namespace: false) == ["/sys", "await", "/sys/fs/cgroup", "/dev", "root", "join", "user"])
    }

    @Test("with a cgroup namespace its mounts come last of the mounts and after the join, and what is mounted below them after them")
    func own() throws {
        let found = try order(namespace: true) {
            $0.mounts.append(TestConfig.mount("/sys/fs/cgroup/memory", "bind", ["bind"], source: "/tmp"))
            $0.mounts.append(TestConfig.mount("/tmp", "tmpfs", []))
            $0.linux["maskedPaths"] = ["/sys/fs/cgroup/devices"]
        }
        let mounts = ["/sys", "/dev", "/tmp", "join", "unshare", "/sys/fs/cgroup", "/sys/fs/cgroup/memory"]
        #expect(found == mounts + ["root", "mask /sys/fs/cgroup/devices", "user"])
    }

    @Test("where a later mount covers the place of a cgroup mount the order of the document is kept")
    func covered() throws {
        let covered = try order(namespace: true) { $0.mounts.append(TestConfig.mount("/sys", "tmpfs", [])) }
        #expect(covered == ["/sys", "join", "unshare", "/sys/fs/cgroup", "/dev", "/sys", "root", "user"])
    }

    @Test("hooks that are told of the process find it in its cgroup", arguments: ["prestart", "createRuntime", "createContainer"])
    func hooks(_ kind: String) throws {
        let with: (inout TestConfig) -> Void = { $0.members["hooks"] = .object(JSONObject(dictionaryLiteral: (kind, [["path": "/x"]]))) }
        #expect(try order(namespace: true, with) == ["/sys", "/dev", "join", "unshare", "/sys/fs/cgroup", "hooks", "root", "user"])
        #expect(try order(namespace: false, with) == ["/sys", "await", "/sys/fs/cgroup", "/dev", "join", "hooks", "root", "user"])
    }

    @Test("an executed process joins before it becomes its user")
    func executed() throws {
        let spec = try RuntimeSpec(json: TestConfig("prog").json.encoded())
        let plan = try SetupPlan(
            executing: try #require(spec.process), in: spec, id: "c", streams: .descriptors(stdin: nil, stdout: nil, stderr: nil),
            options: ExecutorOptions())
        let join = try #require(plan.steps.firstIndex(of: .joinCgroup))
        let user = try #require(plan.steps.firstIndex { if case .setIdentity = $0 { true } else { false } })
        #expect(join < user)
    }
}
