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
        try Cgroup.plans(try resources(json)).flatMap { plan in
            try plan.writes(version).map { "\($0.choices[0].file)=\($0.choices[0].value)" }
        }
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

    @Test("tags and priorities of the network are files of v1, and errors under v2 that name them")
    func network() throws {
        let both: JSON = [
            "network": ["classID": 1_048_577, "priorities": [["name": "eth0", "priority": 5], ["name": "lo", "priority": 0]]]
        ]
        #expect(try lines(both, .v1) == ["net_cls.classid=1048577", "net_prio.ifpriomap=eth0 5", "net_prio.ifpriomap=lo 0"])
        #expect(throws: CgroupError.unsupported(field: "linux.resources.network.classID", reason: "cgroup v2 has no such setting")) {
            try lines(both, .v2)
        }
        #expect(throws: CgroupError.unsupported(field: "linux.resources.network.priorities", reason: "cgroup v2 has no such setting")) {
            try lines(["network": ["priorities": [["name": "lo", "priority": 0]]]], .v2)
        }
        for name in ["a b", "", "../x", "a234567890123456"] {
            #expect(throws: SpecError.self) { try resources(["network": ["priorities": [["name": .string(name), "priority": 1]]]]) }
        }
    }

    @Test("every kind of throttle and weight is written in the words of its version")
    func blockIO() throws {
        func device(_ rate: Int64) -> JSON { [["major": 8, "minor": 16, "rate": .integer(rate)]] }
        let all: JSON = [
            "blockIO": [
                "weight": 500, "leafWeight": 300, "weightDevice": [["major": 8, "minor": 0, "weight": 10, "leafWeight": 20]],
                "throttleReadBpsDevice": device(1), "throttleWriteBpsDevice": device(2), "throttleReadIOPSDevice": device(3),
                "throttleWriteIOPSDevice": device(0),
            ]
        ]
        #expect(
            try lines(all, .v1) == [
                "blkio.weight=500", "blkio.leaf_weight=300", "blkio.weight_device=8:0 10", "blkio.leaf_weight_device=8:0 20",
                "blkio.throttle.read_bps_device=8:16 1", "blkio.throttle.write_bps_device=8:16 2", "blkio.throttle.read_iops_device=8:16 3",
                "blkio.throttle.write_iops_device=8:16 0",
            ])
        let new: JSON = [
            "blockIO": [
                "weight": 500, "weightDevice": [["major": 8, "minor": 0, "weight": 10]], "throttleReadBpsDevice": device(1),
                "throttleWriteBpsDevice": device(2), "throttleReadIOPSDevice": device(3), "throttleWriteIOPSDevice": device(0),
            ]
        ]
        let writes = try Cgroup.plans(resources(new)).flatMap { try $0.writes(.v2) }
        #expect(
            writes.map { $0.choices.last.map { "\($0.file)=\($0.value)" } } == [
                "io.weight=default 4950", "io.weight=8:0 1", "io.max=8:16 rbps=1", "io.max=8:16 wbps=2", "io.max=8:16 riops=3",
                "io.max=8:16 wiops=max",
            ])
        #expect(writes[1].choices.first == .init(file: "io.bfq.weight", value: "8:0 10"))
    }

    @Test("memory with swap becomes swap alone under v2, and no limit stays none")
    func swap() throws {
        for (limit, swap, wanted) in [(1000, 1500, 500), (1000, 1000, 0), (1000, -1, -1), (-1, 0, -1), (-1, 700, 700), (1000, 0, nil)]
            as [(Int64, Int64, Int64?)]
        {
            var memory = MemorySpec()
            memory.limit = limit
            memory.swap = swap
            #expect(try Memory.swap(memory) == wanted)
        }
    }

    @Test("the files that a container's user may have are those that the kernel lists, or listed first")
    func delegated() {
        #expect(CgroupOwner.files("cgroup.procs\nmemory.reclaim\n../x\n") == ["cgroup.procs", "memory.reclaim"])
        #expect(CgroupOwner.files(nil) == ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
    }

    @Test("from one list of devices to another only what differs is written")
    func deviceChanges() throws {
        let rule = DeviceRule(allow: true, kind: .block, major: 8, minor: 0, access: "rw")
        let before = try DevicePolicy([rule]).exceptions().map(\.text).joined(separator: "\n")
        func changes(_ rules: [DeviceRule]) throws -> [String] {
            try DeviceList(before).changes(to: DevicePolicy(rules)).map { "\($0.file)=\($0.value)" }
        }
        #expect(try changes([rule]) == [])
        #expect(try changes([]) == ["devices.deny=b 8:0 rw"])
        let other = DeviceRule(allow: true, kind: .block, major: 8, minor: 0, access: "rm")
        #expect(try changes([other]) == ["devices.deny=b 8:0 w", "devices.allow=b 8:0 m"])
        let all = DeviceRule(allow: true, kind: .all, major: nil, minor: nil, access: "rwm")
        #expect(try changes([all]) == ["devices.allow=a"])
        #expect(try DeviceList("a *:* rwm").changes(to: DevicePolicy([])).first.map { "\($0.file)=\($0.value)" } == "devices.deny=a")
    }

    @Test("pressure, rdma and processor lists are read into values")
    func moreReadings() {
        let found = PressureLines.read(
            "some avg10=1.50 avg60=0.25 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\njunk\n")
        #expect(found.some == .init(avg10: 1.5, avg60: 0.25, avg300: 0, total: 77) && found.full?.total == 3)
        #expect(RdmaLines.all("mlx4_0 hca_handle=2 hca_object=max\n") == [.init(device: "mlx4_0", handles: 2, objects: .max)])
        #expect(CPUSet.numbers("0-2,5\n") == [0, 1, 2, 5] && CPUSet.numbers("\n") == [])
        #expect(IOLines.old("8:0 12\n").map(\.operation) == [""])
    }

    @Test(
        "limits that make no sense are errors of their fields",
        arguments: [
            (["memory": ["limit": -2]], "memory.limit"), (["memory": ["limit": 10, "swap": 5]], "memory.swap"),
            (["memory": ["swappiness": 101]], "memory.swappiness"), (["cpu": ["shares": -1]], "cpu.shares"),
            (["cpu": ["quota": 5, "burst": 6]], "cpu.burst"), (["cpu": ["idle": 2]], "cpu.idle"), (["cpu": ["cpus": "a"]], "cpu.cpus"),
            (["pids": ["limit": "x"]], "pids.limit"), (["blockIO": ["weight": 9]], "blockIO.weight"),
            (["blockIO": ["weightDevice": [["major": 8, "minor": 0]]]], "blockIO.weightDevice[0]"),
            (["blockIO": ["throttleReadBpsDevice": [["major": 8, "minor": 0]]]], "blockIO.throttleReadBpsDevice[0].rate"),
            (["hugepageLimits": [["pageSize": "2M", "limit": 1]]], "hugepageLimits[0].pageSize"),
            (["rdma": ["mlx": [:]]], "rdma.mlx"), (["unified": ["a/b.c": "1"]], "unified.a/b.c"),
            (["unified": ["cgroup.procs": "1"]], "unified.cgroup.procs"), (["network": ["classID": -1]], "network.classID"),
            (["devices": [["allow": true, "access": "x"]]], "devices[0].access"), (["devices": [["access": "r"]]], "devices[0].allow"),
        ] as [(JSON, String)])
    func nonsense(_ json: JSON, _ field: String) {
        let error = #expect(throws: SpecError.self) { try resources(json) }
        #expect("\(String(describing: error))".contains(field))
    }
}
