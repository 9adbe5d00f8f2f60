import Cgroups
import Glibc
import LinuxSys
import OCI
import Testing

@Suite("cgroup mounts", .enabled(if: Needs.containers, Needs.reason))
struct CgroupMountTests {
    private static let hasOld = Cgroup.hostMode == .v1 || Cgroup.hostMode == .hybrid
    private static let hasUnified = Cgroup.hostMode == .unified || Cgroup.hostMode == .hybrid

    private func config(_ type: String, _ option: String, cgroupNamespace: Bool, user: Bool = false) -> TestConfig {
        let script = """
            grep ' /cg' /proc/self/mountinfo | busybox sed 's/.* \\(\\/[^ ]*\\) \\(\\/cg[^ ]*\\) \\(r[ow]\\)[^ ]* .*/\\1 \\2 \\3/'
            for d in /cg /cg/memory; do mkdir $d/made 2>/dev/null && echo made $d && busybox rmdir $d/made; done; true
            """
        var kinds = ["pid", "network", "ipc", "mount"]
        if cgroupNamespace { kinds.append("cgroup") }
        if user { kinds.append("user") }
        let all = kinds
        return TestConfig(script: script).with {
            $0.linux["namespaces"] = .array(all.map { ["type": .string($0)] })
            $0.mounts.append(TestConfig.mount("/cg", type, [.init(option), "nosuid", "noexec", "nodev"], source: "cgroup"))
            guard user else { return }
            let map: JSON = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            ($0.linux["uidMappings"], $0.linux["gidMappings"]) = (map, map)
        }
    }

    @Test(
        "version 1: a tree with every hierarchy, the container's cgroup as the root of each", .enabled(if: hasOld),
        arguments: [true, false], ["ro", "rw"])
    func oldTree(_ namespace: Bool, _ option: String) throws {
        let bundle = try TestBundle()
        let result = try bundle.run(config("cgroup", option, cgroupNamespace: namespace))
        let mounts = result.lines.filter { !$0.hasPrefix("made") }.map { $0.split(separator: " ").map(String.init) }
        #expect(mounts.first == ["/", "/cg", option], "\(result.output)\(result.errors)")
        #expect(mounts.count > 1 && mounts.contains { $0[1] == "/cg/memory" }, "\(result.output)")
        // In a namespace the container's own cgroup is `/`; without one it has its place in the host's tree.
        for mount in mounts.dropFirst() { #expect(namespace ? mount[0] == "/" : mount[0].hasSuffix("/\(bundle.id)"), "\(mount)") }
        #expect(result.lines.filter { $0.hasPrefix("made") } == (option == "ro" ? [] : ["made /cg", "made /cg/memory"]))
        #expect(bundle.leftovers == [])
    }

    @Test(
        "version 2: the container's cgroup is the root, read-only or not", .enabled(if: hasUnified), arguments: [true, false], ["ro", "rw"])
    func unified(_ namespace: Bool, _ option: String) throws {
        let bundle = try TestBundle()
        let result = try bundle.run(config("cgroup2", option, cgroupNamespace: namespace))
        let mount = try #require(result.lines.first, "\(result.errors)").split(separator: " ").map(String.init)
        #expect(
            Array(mount.suffix(2)) == ["/cg", option] && (namespace ? mount[0] == "/" : mount[0].hasSuffix("/\(bundle.id)")), "\(mount)")
        #expect(result.lines.dropFirst() == (option == "ro" ? [] : ["made /cg"]))
    }

    @Test(
        "in a user namespace the host's cgroups cannot be reached or written, with and without a cgroup namespace (CVE-2023-25809)",
        arguments: [true, false])
    func userNamespace(_ namespace: Bool) throws {
        let bundle = try TestBundle()
        try bundle.giveAway()
        let result = try bundle.run(config(Self.hasOld ? "cgroup" : "cgroup2", "rw", cgroupNamespace: namespace, user: true))
        #expect(result.status == .code(0), "\(result.errors)")
        let mounts = result.lines.filter { !$0.hasPrefix("made") }.map { $0.split(separator: " ").map(String.init) }
        #expect(!mounts.isEmpty)
        for mount in mounts where mount[1] != "/cg" || !Self.hasOld {
            #expect(namespace ? mount[0] == "/" : mount[0].hasSuffix("/\(bundle.id)"), "\(mount)")
        }
        // Its directories belong to the host's root; the tree that holds them is its own.
        #expect(result.lines.filter { $0.hasPrefix("made") } == (Self.hasOld ? ["made /cg"] : []))
    }
}
