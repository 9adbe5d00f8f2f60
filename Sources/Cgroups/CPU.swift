import Glibc
import OCI

/// The cpu controller (kernel: scheduler/sched-bwc.rst, admin-guide/cgroup-v2.rst).
enum CPU {
    static func plan(_ spec: CPUSpec) -> ControllerPlan {
        ControllerPlan(controller: "cpu") { version throws(CgroupError) in try version == .v1 ? old(spec) : unified(spec) }
    }

    private static func old(_ spec: CPUSpec) throws(CgroupError) -> [ControlWrite] {
        var writes: [ControlWrite] = []
        if let shares = spec.shares, shares > 0 {
            // The kernel would take the nearest and say nothing.
            guard (2...262_144).contains(shares) else {
                throw .unsupported(field: "linux.resources.cpu.shares", reason: "\(shares) is outside 2 … 262144")
            }
            writes.append(ControlWrite("cpu.shares", "\(shares)", field: "cpu.shares"))
        }
        if let period = spec.period, period > 0 { writes.append(ControlWrite("cpu.cfs_period_us", "\(period)", field: "cpu.period")) }
        if let quota = spec.quota, quota != 0 { writes.append(ControlWrite("cpu.cfs_quota_us", "\(max(quota, -1))", field: "cpu.quota")) }
        // After the quota, above which it may not be.
        if let burst = spec.burst { writes.append(ControlWrite("cpu.cfs_burst_us", "\(burst)", field: "cpu.burst", optional: burst == 0)) }
        if let period = spec.realtimePeriod, period > 0 {
            writes.append(ControlWrite("cpu.rt_period_us", "\(period)", field: "cpu.realtimePeriod"))
        }
        if let time = spec.realtimeRuntime, time != 0 {
            writes.append(ControlWrite("cpu.rt_runtime_us", "\(time)", field: "cpu.realtimeRuntime"))
        }
        if let idle = spec.idle { writes.append(ControlWrite("cpu.idle", "\(idle)", field: "cpu.idle", optional: idle == 0)) }
        return writes
    }

    private static func unified(_ spec: CPUSpec) throws(CgroupError) -> [ControlWrite] {
        if spec.realtimePeriod ?? 0 > 0 { throw missing("realtimePeriod") }
        if spec.realtimeRuntime ?? 0 != 0 { throw missing("realtimeRuntime") }
        var writes: [ControlWrite] = []
        if let idle = spec.idle { writes.append(ControlWrite("cpu.idle", "\(idle)", field: "cpu.idle", optional: idle == 0)) }
        // An idle group has the least weight and takes no other.
        if let shares = spec.shares, shares > 0, spec.idle != 1 {
            writes.append(ControlWrite("cpu.weight", "\(weight(shares: shares))", field: "cpu.shares"))
        }
        let quota = spec.quota == 0 ? nil : spec.quota
        let period = spec.period == 0 ? nil : spec.period
        if quota != nil || period != nil {
            let amount = quota.map { $0 < 0 ? "max" : "\($0)" } ?? "max"
            writes.append(
                ControlWrite("cpu.max", period.map { "\(amount) \($0)" } ?? amount, field: quota == nil ? "cpu.period" : "cpu.quota"))
        }
        if let burst = spec.burst { writes.append(ControlWrite("cpu.max.burst", "\(burst)", field: "cpu.burst", optional: burst == 0)) }
        return writes
    }

    /// Shares of v1, 2 … 262144 with 1024 as the usual value, to a weight of v2, 1 … 10000 with 100 as the usual value:
    /// the quadratic curve in the exponent that goes through all three, as today's runtimes have agreed on.
    static func weight(shares: UInt64) -> UInt64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let power = log2(Double(shares))
        return UInt64(pow(10, (power * power + 125 * power) / 612 - 7.0 / 34).rounded(.up))
    }

    private static func missing(_ name: String) -> CgroupError {
        .unsupported(field: "linux.resources.cpu.\(name)", reason: "cgroup v2 has no such setting")
    }
}
