import OCI

/// The cpuset controller (cpuset(7)).
enum CPUSet {
    static func plan(_ spec: CPUSpec) -> ControllerPlan {
        ControllerPlan(controller: "cpuset") { _ throws(CgroupError) in
            var writes: [ControlWrite] = []
            if let cpus = spec.cpus { writes.append(ControlWrite("cpuset.cpus", cpus, field: "cpu.cpus")) }
            if let mems = spec.mems { writes.append(ControlWrite("cpuset.mems", mems, field: "cpu.mems")) }
            return writes
        }
    }

    /// The single values of v1.
    static let flags = [
        "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
        "sched_load_balance", "sched_relax_domain_level",
    ]

    /// `0-2,5` as numbers (cpuset(7), "List format").
    static func numbers(_ list: String) -> [UInt16] {
        list.trimmed.split(separator: ",").flatMap { part -> [UInt16] in
            let ends = part.split(separator: "-").compactMap { UInt16($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
    }

    /// Under v1 a new group has no processor and no memory node, and takes no process until it has: it gets its parent's.
    static func inherit(_ directory: String, from parent: String, isNew: Bool) throws(CgroupError) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if !isNew {
                guard let present = try ControlFile.readIfPresent("\(directory)/\(file)"), present.trimmed.isEmpty else { continue }
            }
            let value = try ControlFile.read("\(parent)/\(file)").trimmed
            guard !value.isEmpty else { continue }
            try ControlFile.write(String(value), to: "\(directory)/\(file)")
        }
    }
}
