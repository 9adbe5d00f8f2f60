import OCI

/// The memory controller (kernel: admin-guide/cgroup-v1/memory.rst, admin-guide/cgroup-v2.rst).
enum Memory {
    static func plan(_ spec: MemorySpec) -> ControllerPlan {
        ControllerPlan(controller: "memory") { version throws(CgroupError) in version == .v1 ? old(spec) : try unified(spec) }
    }

    /// Under v1 before Linux 5.11 a group below one with a limit is free of it unless this is set; since then it cannot be otherwise.
    static func includeChildren(_ directory: String) {
        guard let set = try? ControlFile.readIfPresent("\(directory)/memory.use_hierarchy"), set.trimmed == "0" else { return }
        // Refused where the parent decides; then it holds already.
        try? ControlFile.write("1", to: "\(directory)/memory.use_hierarchy")
    }

    /// Zero is written by engines for "not set", except for swappiness.
    private static func asked(_ value: Int64?) -> Int64? { value == 0 ? nil : value }

    private static func old(_ spec: MemorySpec) -> [ControlWrite] {
        var writes: [ControlWrite] = []
        // Kernels since 5.16 refuse it (EOPNOTSUPP), which is the error then: what was asked for is not done.
        if let kernel = spec.kernel, kernel > 0 {
            writes.append(ControlWrite("memory.kmem.limit_in_bytes", "\(kernel)", field: "memory.kernel"))
        }
        if let limit = asked(spec.limit) {
            writes.append(ControlWrite("memory.limit_in_bytes", "\(limit)", field: "memory.limit"))
            // The limit with swap may never be below the limit without: no limit on the one lifts the other too.
            if limit == -1, asked(spec.swap) == nil {
                writes.append(ControlWrite("memory.memsw.limit_in_bytes", "-1", field: "memory.limit", optional: true))
            }
        }
        if let swap = asked(spec.swap) { writes.append(ControlWrite("memory.memsw.limit_in_bytes", "\(swap)", field: "memory.swap")) }
        if let soft = asked(spec.reservation) {
            writes.append(ControlWrite("memory.soft_limit_in_bytes", "\(soft)", field: "memory.reservation"))
        }
        if let kernel = asked(spec.kernelTCP) {
            writes.append(ControlWrite("memory.kmem.tcp.limit_in_bytes", "\(kernel)", field: "memory.kernelTCP"))
        }
        if let swappiness = spec.swappiness {
            writes.append(ControlWrite("memory.swappiness", "\(swappiness)", field: "memory.swappiness"))
        }
        if spec.disableOOMKiller { writes.append(ControlWrite("memory.oom_control", "1", field: "memory.disableOOMKiller")) }
        return writes
    }

    private static func unified(_ spec: MemorySpec) throws(CgroupError) -> [ControlWrite] {
        if spec.kernel ?? 0 > 0 { throw missing("kernel") }
        if spec.kernelTCP ?? 0 > 0 { throw missing("kernelTCP") }
        if spec.swappiness != nil { throw missing("swappiness") }
        if spec.disableOOMKiller { throw missing("disableOOMKiller") }
        var writes: [ControlWrite] = []
        if let limit = asked(spec.limit) { writes.append(ControlWrite("memory.max", amount(limit), field: "memory.limit")) }
        if let swap = try swap(spec) { writes.append(ControlWrite("memory.swap.max", amount(swap), field: "memory.swap")) }
        if let low = asked(spec.reservation) { writes.append(ControlWrite("memory.low", amount(low), field: "memory.reservation")) }
        return writes
    }

    /// v2 limits swap alone, config.json memory and swap together.
    static func swap(_ spec: MemorySpec) throws(CgroupError) -> Int64? {
        guard let both = asked(spec.swap) else { return spec.limit == -1 ? -1 : nil }
        if both == -1 { return -1 }
        // Without a limit of memory there is nothing to take off.
        if spec.limit == -1 { return both }
        guard let limit = asked(spec.limit) else {
            throw .unsupported(field: "linux.resources.memory.swap", reason: "needs memory.limit with cgroup v2, which limits swap alone")
        }
        return both - limit
    }

    private static func amount(_ value: Int64) -> String { value < 0 ? "max" : "\(value)" }

    private static func missing(_ name: String) -> CgroupError {
        .unsupported(field: "linux.resources.memory.\(name)", reason: "cgroup v2 has no such setting")
    }
}
