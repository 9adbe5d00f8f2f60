import OCI

/// The pids controller (kernel: admin-guide/cgroup-v1/pids.rst): the same file under both versions.
enum Pids {
    /// Zero is a limit like any other: who is in may stay and not fork (config-linux.md, "PIDs").
    static func plan(_ spec: PidsSpec) -> ControllerPlan {
        ControllerPlan(controller: "pids") { _ throws(CgroupError) in
            guard let limit = spec.limit else { return [] }
            return [ControlWrite("pids.max", limit < 0 ? "max" : "\(limit)", field: "pids.limit")]
        }
    }
}
