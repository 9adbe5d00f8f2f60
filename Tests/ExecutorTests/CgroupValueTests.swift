import OCI
import Testing

@testable import Cgroups

@Suite("cgroups as values") struct CgroupValueTests {
    private static let hybridMounts = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
        33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
        35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
        36 31 0:30 / /mnt/again rw - cgroup cgroup rw,memory
        """
    private static let hybridMembership = "9:name=systemd:/\n4:memory:/one/two\n2:cpu,cpuacct:/\n0::/three\n"

    @Test("a hybrid host shows each hierarchy once, at its first mount")
    func hybrid() {
        let host = CgroupHost(mountInfo: Self.hybridMounts, membership: Self.hybridMembership)
        #expect(host.mode == .hybrid)
        #expect(host.hierarchies.map(\.controllers) == [["cpu", "cpuacct"], ["memory"], ["name=systemd"], []])
        #expect(host.hierarchies[1].mountPoint == "/sys/fs/cgroup/memory")
        #expect(host.hierarchies[1].own == "/one/two" && host.hierarchies[3].own == "/three")
    }

    @Test("v1 alone, v2 alone and nothing are told apart")
    func modes() {
        let old = CgroupHost(mountInfo: "33 31 0:30 / /cg/memory rw - cgroup cgroup rw,memory", membership: "4:memory:/\n0::/\n")
        #expect(old.mode == .v1)
        let new = CgroupHost(mountInfo: "33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", membership: "0::/user.slice\n")
        #expect(new.mode == .unified)
        #expect(CgroupHost(mountInfo: "1 2 0:3 / / rw - ext4 /dev/x rw", membership: "0::/\n").mode == nil)
        // A v2 mount beside nothing but systemd's own hierarchy without controllers.
        let named = "34 31 0:31 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n35 31 0:32 / /cg/unified rw - cgroup2 cgroup2 rw"
        #expect(CgroupHost(mountInfo: named, membership: "1:name=systemd:/\n0::/\n").mode == .unified)
    }

    @Test("a mount point with a space in it, and lines that are no mounts, are read as proc(5) says")
    func escapes() {
        let host = CgroupHost(mountInfo: "junk\n33 31 0:30 / /a\\040b\\134c rw - cgroup2 cgroup2 rw\n1 2", membership: "0::/\nx:y\n")
        #expect(host.hierarchies.map(\.mountPoint) == ["/a b\\c"])
    }

    @Test("an absolute path counts from the mount, a relative one from the own cgroup or, under v2, its parent")
    func places() {
        let old = CgroupHost.Hierarchy(controllers: ["memory"], mountPoint: "/m", mountRoot: "/", own: "/one/two")
        let new = CgroupHost.Hierarchy(controllers: [], mountPoint: "/u", mountRoot: "/", own: "/one/two")
        #expect(Cgroup.path(of: "/x/y", in: old) == "/x/y" && Cgroup.path(of: "/x/y", in: new) == "/x/y")
        #expect(Cgroup.path(of: "id", in: old) == "/one/two/id" && Cgroup.path(of: "id", in: new) == "/one/id")
        #expect(old.directory("/x//./y") == "/m/x/y")
        let inside = CgroupHost.Hierarchy(controllers: ["memory"], mountPoint: "/m", mountRoot: "/docker/abc", own: "/docker/abc/init")
        #expect(Cgroup.path(of: "id", in: inside) == "/init/id")
    }

    @Test(
        "shares become weights through the least, the usual and the greatest value",
        arguments: [(0, 1), (2, 1), (1024, 100), (262_144, 10_000), (300_000, 10_000)])
    func weights(_ shares: UInt64, _ weight: UInt64) { #expect(CPU.weight(shares: shares) == weight) }

    private func resources(_ json: JSON) throws -> ResourcesSpec { try ResourcesSpec(json: json.encoded()) }

    private func lines(_ json: JSON, _ version: ControllerPlace.Version) throws -> [String] {
        try Cgroup.plans(try resources(json)).flatMap { plan in try plan.writes(version).map { "\($0.choices[0].file)=\($0.choices[0].value)" } }
    }

    @Test("limits are written to the files of v2 in its terms")
    func unified() throws {
        let all: JSON = [
            "memory": ["limit": 1000, "swap": 1500, "reservation": 500],
            "cpu": ["shares": 1024, "quota": 50_000, "period": 100_000, "burst": 5, "cpus": "0-1"],
            "pids": ["limit": -1], "blockIO": ["weight": 1000, "throttleReadBpsDevice": [["major": 8, "minor": 0, "rate": 7]]],
            "hugepageLimits": [["pageSize": "2MB", "limit": 9]], "rdma": ["mlx": ["hcaHandles": 2]],
        ]
        #expect(
            try lines(all, .v2) == [
                "memory.max=1000", "memory.swap.max=500", "memory.low=500", "cpu.weight=100", "cpu.max=50000 100000", "cpu.max.burst=5",
                "cpuset.cpus=0-1",
                "pids.max=max", "io.bfq.weight=default 1000", "io.max=8:0 rbps=7", "hugetlb.2MB.max=9", "hugetlb.2MB.rsvd.max=9",
                "rdma.max=mlx hca_handle=2",
            ])
        #expect(
            try lines(["memory": ["limit": -1], "cpu": ["quota": -1]], .v2) == ["memory.max=max", "memory.swap.max=max", "cpu.max=max"])
    }

    @Test("limits are written to the files of v1 in its terms, the memory limit before the one with swap")
    func old() throws {
        let all: JSON = [
            "memory": ["limit": 1000, "swap": 1500, "reservation": 500, "disableOOMKiller": true],
            "cpu": ["shares": 2, "quota": -1, "period": 100_000],
            "pids": ["limit": 5], "blockIO": ["weight": 10],
        ]
        #expect(
            try lines(all, .v1) == [
                "memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1500", "memory.soft_limit_in_bytes=500", "memory.oom_control=1",
                "cpu.shares=2",
                "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=-1", "pids.max=5", "blkio.weight=10",
            ])
        #expect(try lines(["memory": ["limit": 0, "swap": 0], "cpu": ["shares": 0, "quota": 0]], .v1) == [])
    }

    @Test(
        "what v2 does not have is an error that names the field",
        arguments: [
            (["memory": ["kernel": 1]], "memory.kernel"), (["memory": ["swappiness": 1]], "memory.swappiness"),
            (["memory": ["disableOOMKiller": true]], "memory.disableOOMKiller"),
            (["memory": ["swap": 5]], "memory.swap"), (["cpu": ["realtimeRuntime": 5]], "cpu.realtimeRuntime"),
            (["blockIO": ["leafWeight": 10]], "blockIO.leafWeight"),
        ] as [(JSON, String)])
    func missing(_ json: JSON, _ field: String) throws {
        #expect { try lines(json, .v2) } throws: { error in
            guard case CgroupError.unsupported(field: let found, reason: _)? = error as? CgroupError else { return false }
            return found == "linux.resources.\(field)"
        }
    }

    @Test("files of the kernel are read into values")
    func readings() {
        #expect(KeyedValues("oom_kill 3\nlow 0\njunk\n")["oom_kill"] == 3)
        #expect(KeyedValues("")["x"] == 0)
        #expect(IOLines.old("8:0 Read 10\n8:0 Total 10\nTotal 10\n").map(\.value) == [10, 10])
        #expect(IOLines.unified("8:16 rbytes=1 wbytes=2\n").map(\.operation) == ["rbytes", "wbytes"])
        #expect("12\n".trimmed == "12" && "\n".trimmed.isEmpty)
    }
}
