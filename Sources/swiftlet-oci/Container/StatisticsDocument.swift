import Cgroups
import OCI

/// What a cgroup has used, in the form of runc's `types.Stats`: zeros are left out where that leaves them out.
enum StatisticsDocument {
    static func json(_ statistics: CgroupStatistics) -> JSON {
        [
            "cpu": cpu(statistics), "cpuset": cpuset(statistics), "memory": memory(statistics), "pids": pids(statistics),
            "blkio": blockIO(statistics), "hugetlb": hugetlb(statistics), "intel_rdt": .object(JSONObject()), "network_interfaces": nil,
        ]
    }

    private static func cpu(_ statistics: CgroupStatistics) -> JSON {
        guard let cpu = statistics.cpu else { return ["usage": ["kernel": 0, "user": 0], "throttling": .object(JSONObject())] }
        var usage = JSONObject()
        usage.put("total", cpu.total)
        for (name, list) in [("percpu", cpu.perCPU), ("percpu_kernel", cpu.perCPUKernel), ("percpu_user", cpu.perCPUUser)]
        where !list.isEmpty {
            usage[name] = .array(list.map { JSON($0) })
        }
        usage["kernel"] = JSON(cpu.kernel)
        usage["user"] = JSON(cpu.user)
        var throttling = JSONObject()
        throttling.put("periods", cpu.throttling["nr_periods"])
        throttling.put("throttledPeriods", cpu.throttling["nr_throttled"])
        throttling.put("throttledTime", cpu.throttling["throttled_time"] + cpu.throttling["throttled_usec"] &* 1000)
        var result: JSONObject = ["usage": .object(usage), "throttling": .object(throttling)]
        result["psi"] = pressure(cpu.pressure)
        return .object(result)
    }

    private static func cpuset(_ statistics: CgroupStatistics) -> JSON {
        let set = statistics.cpuset
        func flag(_ name: String) -> JSON { .integer(set?.flags[name] ?? 0) }
        var result = JSONObject()
        if let cpus = set?.cpus, !cpus.isEmpty { result["cpus"] = .array(cpus.map { .integer(Int64($0)) }) }
        result["cpu_exclusive"] = flag("cpu_exclusive")
        if let mems = set?.mems, !mems.isEmpty { result["mems"] = .array(mems.map { .integer(Int64($0)) }) }
        for name in [
            "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
            "sched_load_balance", "sched_relax_domain_level",
        ] { result[name] = flag(name) }
        return .object(result)
    }

    private static func memory(_ statistics: CgroupStatistics) -> JSON {
        guard let memory = statistics.memory else { return .object(JSONObject()) }
        var result = JSONObject()
        result.put("cache", statistics.isUnified ? memory.stat["file"] : memory.stat["cache"])
        result["usage"] = amount(memory.usage)
        result["swap"] = amount(memory.swap)
        result["kernel"] = amount(memory.kernel)
        result["kernelTCP"] = amount(memory.kernelTCP)
        var raw = JSONObject()
        for (name, value) in memory.stat.values.sorted(by: { $0.key < $1.key }) { raw[name] = JSON(value) }
        result["raw"] = .object(raw)
        result["psi"] = pressure(memory.pressure)
        return .object(result)
    }

    private static func amount(_ amount: CgroupStatistics.Amount) -> JSON {
        var result: JSONObject = ["limit": JSON(amount.limit)]
        result.put("usage", amount.usage)
        result.put("max", amount.peak)
        result["failcnt"] = JSON(amount.failures)
        return .object(result)
    }

    private static func pids(_ statistics: CgroupStatistics) -> JSON {
        var result = JSONObject()
        result.put("current", statistics.pids?.current ?? 0)
        result.put("limit", statistics.pids?.limit ?? 0)
        return .object(result)
    }

    private static func blockIO(_ statistics: CgroupStatistics) -> JSON {
        guard let io = statistics.io else { return .object(JSONObject()) }
        let counts = ["rios", "wios"]
        // v2 has one file for bytes and operations, v1 one for each.
        let lists = [
            ("ioServiceBytesRecursive", io.bytes.filter { !counts.contains($0.operation) }),
            ("ioServicedRecursive", io.operations + io.bytes.filter { counts.contains($0.operation) }),
            ("ioQueueRecursive", io.queued), ("ioServiceTimeRecursive", io.serviceTime), ("ioWaitTimeRecursive", io.waitTime),
            ("ioMergedRecursive", io.merged), ("ioTimeRecursive", io.time), ("sectorsRecursive", io.sectors),
        ]
        var result = JSONObject()
        for (name, list) in lists where !list.isEmpty { result[name] = .array(list.map(line)) }
        result["psi"] = pressure(io.pressure)
        return .object(result)
    }

    private static func line(_ entry: CgroupStatistics.IOEntry) -> JSON {
        let names = ["rbytes": "Read", "wbytes": "Write", "rios": "Read", "wios": "Write"]
        var result = JSONObject()
        result.put("major", entry.major)
        result.put("minor", entry.minor)
        let operation = names[entry.operation] ?? entry.operation
        if !operation.isEmpty { result["op"] = .string(operation) }
        result.put("value", entry.value)
        return .object(result)
    }

    private static func hugetlb(_ statistics: CgroupStatistics) -> JSON {
        var result = JSONObject()
        for entry in statistics.hugetlb {
            var amount = JSONObject()
            amount.put("usage", entry.amount.usage)
            amount.put("max", entry.amount.peak)
            amount["failcnt"] = JSON(entry.amount.failures)
            result[entry.pageSize] = .object(amount)
        }
        return .object(result)
    }

    private static func pressure(_ pressure: CgroupStatistics.Pressure?) -> JSON? {
        guard let pressure else { return nil }
        func line(_ line: CgroupStatistics.Pressure.Line?) -> JSON {
            [
                "avg10": .number(line?.avg10 ?? 0), "avg60": .number(line?.avg60 ?? 0), "avg300": .number(line?.avg300 ?? 0),
                "total": JSON(line?.total ?? 0),
            ]
        }
        return ["some": line(pressure.some), "full": line(pressure.full)]
    }
}

extension JSON {
    fileprivate init(_ number: UInt64) { self = Int64(exactly: number).map { .integer($0) } ?? .unsigned(number) }
}

extension JSONObject {
    /// Nothing for zero.
    fileprivate mutating func put(_ name: String, _ number: UInt64) { if number != 0 { self[name] = JSON(number) } }
}
