import OCI

/// The pids controller (kernel: admin-guide/cgroup-v1/pids.rst): the same file under both versions.
enum Pids {
    static func plan(_ spec: PidsSpec) -> ControllerPlan {
        ControllerPlan(controller: "pids") { _ throws(CgroupError) in
            guard let limit = spec.limit, limit != 0 else { return [] }
            return [ControlWrite("pids.max", limit < 0 ? "max" : "\(limit)", field: "pids.limit")]
        }
    }
}
