import Glibc
import LinuxSys
import OCI
import Testing

@testable import Cgroups

/// A shell that waits for a line on its stdin, so that it can be put into a cgroup before it does anything.
private final class WaitingShell {
    let pid: Int32
    private let input: FDBox
    private var isReaped = false

    init(_ script: String) throws {
        let pipe = try FD.pipe()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipe.first.raw, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] =
            unsafe ["sh", "-c", "read line; \(script)"].map { (word: String) in unsafe strdup(word) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("PATH=/usr/bin:/bin"), nil]
        var number: Int32 = 0
        let result = unsafe posix_spawn(&number, "/bin/sh", &actions, nil, &arguments, &environment)
        unsafe (arguments + environment).forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        guard result == 0 else { throw SysError(result, "spawn", on: "sh") }
        pid = number
        input = pipe.take { read, write in
            _ = consume read
            return FDBox(write)
        }
    }

    func go() throws { try input.fd.writeAll([0x0a]) }

    func wait() -> LinuxSys.ExitStatus {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        return status & 0x7f == 0 ? .code(status >> 8 & 0xff) : .signal(status & 0x7f)
    }

    deinit {
        guard !isReaped else { return }
        kill(pid, SIGKILL)
        _ = wait()
    }
}

/// Makes a cgroup for the time of one test and leaves nothing.
private func withCgroup(_ resources: JSON = [:], _ body: (Cgroup) throws -> Void) throws {
    let name = "swiftlet-test-\(getpid())-\(monotonicNanoseconds())"
    let cgroup = try Cgroup.create(path: "/\(name)/inner", id: name, resources: ResourcesSpec(json: resources.encoded()), systemd: false)
    defer {
        // The parent was made along with it and stays by the rule of `remove`.
        let parents = cgroup.record.entries.map {
            Cgroup.Directory(controller: $0.controller, path: String($0.path.dropLast("/inner".count)))
        }
        do {
            try cgroup.kill()
            try cgroup.remove()
            try Cgroup(CgroupPaths(parents)).remove()
        } catch { Issue.record("\(error)") }
    }
    try body(cgroup)
}

private func text(_ path: String) throws -> String {
    let bytes = try FD.open(path, O_RDONLY).readAll(limit: 1 << 20)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").joined(separator: "\n")
}

private func directory(_ cgroup: Cgroup, _ controller: String) throws -> String {
    try #require(cgroup.record.entries.first { $0.controller == controller } ?? cgroup.record.entries.first { $0.controller.isEmpty })
        .path
}

private let isV1 = Cgroup.hostMode == .v1 || Cgroup.hostMode == .hybrid
private let canMake = getuid() == 0 && Cgroup.hostMode != nil

@Suite("a real cgroup", .enabled(if: canMake, "needs root and cgroups")) struct CgroupLiveTests {
    @Test("limits are in the kernel's files", .enabled(if: isV1, "reads the files of v1"))
    func limits() throws {
        let wanted: JSON = [
            "memory": ["limit": 33_554_432, "swap": 67_108_864], "cpu": ["shares": 512, "quota": 20_000, "period": 50_000, "cpus": "0"],
            "pids": ["limit": 7],
        ]
        try withCgroup(wanted) { cgroup in
            #expect(try text("\(directory(cgroup, "memory"))/memory.limit_in_bytes") == "33554432")
            #expect(try text("\(directory(cgroup, "memory"))/memory.memsw.limit_in_bytes") == "67108864")
            #expect(try text("\(directory(cgroup, "cpu"))/cpu.shares") == "512")
            #expect(try text("\(directory(cgroup, "cpu"))/cpu.cfs_quota_us") == "20000")
            #expect(try text("\(directory(cgroup, "cpuset"))/cpuset.cpus") == "0")
            #expect(try text("\(directory(cgroup, "pids"))/pids.max") == "7")
            // Up past the limit with swap, and down again: each needs the other order.
            for limit in [134_217_728, 16_777_216] as [Int64] {
                try cgroup.update(ResourcesSpec(json: (["memory": ["limit": .integer(limit), "swap": .integer(limit)]] as JSON).encoded()))
                #expect(try text("\(directory(cgroup, "memory"))/memory.memsw.limit_in_bytes") == "\(limit)")
            }
        }
    }

    @Test("the limit of processes holds for a process that was added")
    func pids() throws {
        try withCgroup(["pids": ["limit": 1]]) { cgroup in
            let shell = try WaitingShell("(exit 0) && exit 7")
            try cgroup.add(pid: shell.pid)
            #expect(try cgroup.processes() == [shell.pid])
            #expect(try cgroup.statistics().pids == .init(current: 1, limit: 1))
            try shell.go()
            #expect(shell.wait() == .code(2))
        }
    }

    @Test(
        "a process beyond the memory limit is killed, the watch tells, and the count says so",
        .enabled(if: Needs.memoryKills, Needs.noMemoryKills))
    func outOfMemory() throws {
        try withCgroup(["memory": ["limit": 16_777_216, "swap": 16_777_216]]) { cgroup in
            guard let watch = try cgroup.oomWatch() else {
                Issue.record("this host has no memory controller")
                return
            }
            #expect(watch.kills() == 0)
            let shell = try WaitingShell("exec tail /dev/zero")
            try cgroup.add(pid: shell.pid)
            try shell.go()
            #expect(shell.wait() == .signal(SIGKILL))
            var wanted = pollfd(fd: watch.fd.raw, events: Int16(POLLIN), revents: 0)
            #expect(unsafe poll(&wanted, 1, 10_000) == 1)
            try watch.fd.drain()
            #expect(watch.kills() == 1)
            #expect(try cgroup.statistics().memory?.events["oom_kill"] == 1)
            #expect(try cgroup.statistics().memory?.usage.limit == 16_777_216)
        }
    }

    @Test("what a process used is counted")
    func statistics() throws {
        try withCgroup(["memory": ["limit": 67_108_864]]) { cgroup in
            let shell = try WaitingShell("dd if=/dev/zero of=/dev/null bs=4M count=50; exit 3")
            try cgroup.add(pid: shell.pid)
            try shell.go()
            #expect(shell.wait() == .code(3))
            let found = try cgroup.statistics()
            #expect(try #require(found.cpu).total > 1_000_000)
            #expect(try #require(found.memory).usage.peak > 0 && found.memory?.stat.values.isEmpty == false)
        }
    }

    @Test("frozen processes stand still, and one that is killed meanwhile is gone after the kill")
    func freeze() throws {
        try withCgroup { cgroup in
            let shell = try WaitingShell("exit 0")
            try cgroup.add(pid: shell.pid)
            for _ in 0..<2 {
                try cgroup.freeze()
                while !cgroup.frozen { sched_yield() }
                try cgroup.thaw()
                while cgroup.frozen { sched_yield() }
            }
            try cgroup.freeze()
            while !cgroup.frozen { sched_yield() }
            try cgroup.kill()
            #expect(shell.wait() == .signal(SIGKILL))
            #expect(try cgroup.processes().isEmpty)
        }
    }

    @Test("killing reaches every process, also in groups below")
    func kill() throws {
        try withCgroup { cgroup in
            for path in cgroup.paths { #expect(unsafe mkdir("\(path)/below", 0o755) == 0) }
            let below = Cgroup(
                CgroupPaths(cgroup.record.entries.map { .init(controller: $0.controller, path: "\($0.path)/below") }))
            for path in cgroup.paths where path.contains("cpuset") {
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    try FD.open("\(path)/below/\(file)", O_WRONLY).writeAll(Array(text("\(path)/\(file)").utf8))
                }
            }
            let shells = try (0..<4).map { _ in try WaitingShell("exit 0") }
            for (number, shell) in shells.enumerated() { try (number < 2 ? cgroup : below).add(pid: shell.pid) }
            #expect(try cgroup.processes().sorted() == shells.map(\.pid).sorted())
            try cgroup.kill()
            for shell in shells { #expect(shell.wait() == .signal(SIGKILL)) }
            // Nobody is left to be killed: that is no error.
            try cgroup.kill()
        }
    }

    @Test("a group that is held says by whom, and one that is gone can be killed and removed again")
    func held() throws {
        try withCgroup { cgroup in
            let shell = try WaitingShell("exit 0")
            try cgroup.add(pid: shell.pid)
            let error = #expect(throws: CgroupError.self) { try cgroup.remove(milliseconds: 1) }
            guard case .held(_, let holders)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            // Its name is the test's own for a moment: the kernel lets the parent of a vfork go before it names the child anew.
            #expect(holders.count == 1 && holders[0].hasPrefix("\(shell.pid) ("))
            try shell.go()
            _ = shell.wait()
            try cgroup.remove()
            try cgroup.remove()
            try cgroup.kill()
            #expect(try cgroup.processes().isEmpty && !cgroup.frozen)
        }
    }

    @Test("a group with somebody else's process is refused, and a limit the host does not have leaves nothing behind")
    func refused() throws {
        try withCgroup { cgroup in
            let shell = try WaitingShell("exit 0")
            try cgroup.add(pid: shell.pid)
            let path = try directory(cgroup, "memory").split(separator: "/").suffix(2).joined(separator: "/")
            let error = #expect(throws: CgroupError.self) { try Cgroup.create(path: "/\(path)", id: "x", resources: nil, systemd: false) }
            guard case .occupied(_, [shell.pid])? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        let name = "swiftlet-test-\(getpid())-bad"
        for json in [#"{"unified":{"memory.no_such_file":"1"}}"#, #"{"cpu":{"cpus":"4000"}}"#] {
            let resources = try ResourcesSpec(json: Array(json.utf8))
            #expect(throws: CgroupError.self) { try Cgroup.create(path: "/\(name)/inner", id: name, resources: resources, systemd: false) }
        }
        for hierarchy in try CgroupHost.current().hierarchies { #expect(unsafe access(hierarchy.directory("/\(name)"), F_OK) != 0) }
        #expect(throws: CgroupError.self) { try Cgroup.create(path: "a:b:c", id: "x", resources: nil, systemd: true) }
        for path in ["/../x", "/", "/.", "./", ".."] {
            let error = #expect(throws: CgroupError.self) { try Cgroup.create(path: path, id: "x", resources: nil, systemd: false) }
            #expect(error == .unsupported(field: "linux.cgroupsPath", reason: "\(path) names no cgroup below the root"))
        }
    }

    @Test("devices outside the policy cannot be opened, those every container has can")
    func devices() throws {
        try withCgroup(["devices": [["allow": false, "access": "rwm"]]]) { cgroup in
            let shell = try WaitingShell("true < /dev/null && true > /dev/full && ! true < /dev/kmsg && exit 9")
            try cgroup.add(pid: shell.pid)
            try shell.go()
            #expect(shell.wait() == .code(9))
        }
    }

    @Test("one device more is what a rule allows, for what it allows")
    func oneDevice() throws {
        try withCgroup([
            "devices": [["allow": false, "access": "rwm"], ["allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"]]
        ]) { cgroup in
            let shell = try WaitingShell("true < /dev/null && true < /dev/kmsg && ! true > /dev/kmsg && exit 9")
            try cgroup.add(pid: shell.pid)
            try shell.go()
            #expect(shell.wait() == .code(9))
        }
    }

    @Test(
        "the device program of v2 does the same in the kernel",
        .enabled(if: Cgroup.hostMode == .hybrid, "v2 hosts run it in the test before"))
    func deviceProgram() throws {
        try withCgroup { cgroup in
            let unified = try #require(cgroup.unified)
            let alone = Cgroup(CgroupPaths([.init(controller: "", path: unified)]))
            try alone.applyDevices([DeviceRule(allow: true, kind: .character, major: 1, minor: 11, access: "r")])
            let shell = try WaitingShell("true < /dev/null && true < /dev/kmsg && ! true > /dev/kmsg && exit 9")
            try alone.add(pid: shell.pid)
            try shell.go()
            #expect(shell.wait() == .code(9))
        }
    }

    @Test("limits are in the kernel's files of v2", .enabled(if: Cgroup.hostMode == .unified, "needs v2 alone"))
    func unifiedLimits() throws {
        let wanted: JSON = [
            "memory": ["limit": 33_554_432, "swap": 67_108_864, "reservation": 4096],
            "cpu": ["shares": 512, "quota": 20_000, "period": 50_000],
            "pids": ["limit": 7], "unified": ["memory.high": "16777216"],
        ]
        try withCgroup(wanted) { cgroup in
            let place = try #require(cgroup.unified)
            let values = [
                "memory.max": "33554432", "memory.swap.max": "33554432", "memory.low": "4096", "memory.high": "16777216",
                "cpu.weight": "59",
                "cpu.max": "20000 50000", "pids.max": "7",
            ]
            // A controller can be left out of the kernel; then create has refused the limit already.
            for (file, value) in values { #expect(try text("\(place)/\(file)") == value) }
            try cgroup.update(ResourcesSpec(json: (["memory": ["limit": -1], "pids": ["limit": -1]] as JSON).encoded()))
            #expect(try text("\(place)/memory.max") == "max" && text("\(place)/pids.max") == "max")
        }
    }

    @Test("rules for devices change while a process runs")
    func deviceUpdate() throws {
        try withCgroup(["devices": [["allow": false, "access": "rwm"]]]) { cgroup in
            func opens(_ wanted: Int32) throws {
                let shell = try WaitingShell("true < /dev/null && (true < /dev/kmsg) && exit 9; exit 8")
                try cgroup.add(pid: shell.pid)
                try shell.go()
                #expect(shell.wait() == .code(wanted))
            }
            let more = DeviceRule(allow: true, kind: .character, major: 1, minor: 11, access: "r")
            var resources = ResourcesSpec()
            let none = DeviceRule(allow: false, kind: .all, major: nil, minor: nil, access: "rwm")
            for (rules, wanted) in [([none, more], 9), ([none], 8)] as [([DeviceRule], Int32)] {
                resources.devices = rules
                try cgroup.update(resources)
                try opens(wanted)
            }
        }
    }

    @Test("of limits of which one is refused none has changed, and the error names it")
    func rollback() throws {
        try withCgroup(["memory": ["limit": 33_554_432], "pids": ["limit": 7]]) { cgroup in
            let wanted: JSON = ["memory": ["limit": 67_108_864], "pids": ["limit": 9], "cpu": ["quota": 1]]
            let error = #expect(throws: CgroupError.self) { try cgroup.update(ResourcesSpec(json: wanted.encoded())) }
            guard case .refused(field: "linux.resources.cpu.quota", _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let found = try cgroup.statistics()
            #expect(found.memory?.usage.limit == 33_554_432 && found.pids?.limit == 7)
        }
    }

    @Test("a group below is joined by its name, one that is not there is an error, and none leads out")
    func subgroups() throws {
        try withCgroup { cgroup in
            let pids = try directory(cgroup, "pids")
            #expect(unsafe mkdir("\(pids)/below", 0o755) == 0)
            let shell = try WaitingShell("exit 0")
            try cgroup.enter(pid: shell.pid, subgroups: [cgroup.isUnifiedOnly ? "" : "pids": "below"], besides: getpid())
            #expect(try text("\(pids)/below/cgroup.procs") == "\(shell.pid)" && text("\(pids)/cgroup.procs").isEmpty)
            for bad in ["nowhere", "../x", "below/../.."] {
                #expect(throws: CgroupError.self) { try cgroup.enter(pid: shell.pid, subgroups: ["": bad], besides: getpid()) }
            }
            #expect(throws: CgroupError.self) { try cgroup.enter(pid: shell.pid, subgroups: ["nothing": "below"], besides: getpid()) }
            try shell.go()
            _ = shell.wait()
        }
    }

    @Test("a freeze that is waited for is done when it returns, and a group with no time for it runs on")
    func freezeWithin() throws {
        try withCgroup { cgroup in
            let shell = try WaitingShell("exit 5")
            try cgroup.add(pid: shell.pid)
            try cgroup.freeze(within: 10_000)
            #expect(cgroup.frozen)
            #expect(throws: CgroupError.self) { try Cgroup(CgroupPaths()).freeze(within: 1) }
            try cgroup.thaw()
            try shell.go()
            #expect(shell.wait() == .code(5))
        }
    }
}
