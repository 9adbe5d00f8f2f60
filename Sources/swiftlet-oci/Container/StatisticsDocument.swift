import Cgroups
import OCI

/// What a cgroup has used, in the form of runc's `types.Stats`: zeros are left out where that leaves them out.
enum StatisticsDocument {
    static func json(_ statistics: CgroupStatistics) -> JSON {
        [
            "cpu": cpu(statistics), "memory": memory(statistics), "pids": pids(statistics), "blkio": blockIO(statistics),
            "hugetlb": hugetlb(statistics), "intel_rdt": .object(JSONObject()), "network_interfaces": nil,
        ]
    }

    private static func cpu(_ statistics: CgroupStatistics) -> JSON {
        guard let cpu = statistics.cpu else { return ["usage": ["kernel": 0, "user": 0], "throttling": .object(JSONObject())] }
        var usage = JSONObject()
        usage.put("total", cpu.total)
        if !cpu.perCPU.isEmpty { usage["percpu"] = .array(cpu.perCPU.map { JSON($0) }) }
        usage["kernel"] = JSON(cpu.kernel)
        usage["user"] = JSON(cpu.user)
        var throttling = JSONObject()
        throttling.put("periods", cpu.throttling["nr_periods"])
        throttling.put("throttledPeriods", cpu.throttling["nr_throttled"])
        throttling.put("throttledTime", cpu.throttling["throttled_time"] + cpu.throttling["throttled_usec"] &* 1000)
        return ["usage": .object(usage), "throttling": .object(throttling)]
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
        let names = ["rbytes": "Read", "wbytes": "Write", "rios": "Read", "wios": "Write"]
        let operations = ["rios", "wios"]
        // v2 has one file for both, v1 one for each.
        let bytes = io.bytes.filter { !operations.contains($0.operation) }
        let counts = io.operations + io.bytes.filter { operations.contains($0.operation) }
        var result = JSONObject()
        for (name, list) in [("ioServiceBytesRecursive", bytes), ("ioServicedRecursive", counts)] where !list.isEmpty {
            result[name] = .array(
                list.map { entry in
                    var line = JSONObject()
                    line.put("major", entry.major)
                    line.put("minor", entry.minor)
                    line["op"] = .string(names[entry.operation] ?? entry.operation)
                    line.put("value", entry.value)
                    return .object(line)
                })
        }
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
}

extension JSON {
    fileprivate init(_ number: UInt64) { self = Int64(exactly: number).map { .integer($0) } ?? .unsigned(number) }
}

extension JSONObject {
    /// Nothing for zero.
    fileprivate mutating func put(_ name: String, _ number: UInt64) { if number != 0 { self[name] = JSON(number) } }
}
