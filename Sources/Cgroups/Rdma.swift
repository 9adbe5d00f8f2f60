import OCI

/// The rdma controller (kernel: admin-guide/cgroup-v1/rdma.rst): the same file under both versions.
enum Rdma {
    static func plan(_ limits: [RdmaLimit]) -> ControllerPlan {
        ControllerPlan(controller: "rdma") { _ throws(CgroupError) in
            limits.map { limit in
                let handles = limit.handles.map(String.init) ?? "max"
                let objects = limit.objects.map(String.init) ?? "max"
                return ControlWrite(
                    "rdma.max", "\(limit.device) hca_handle=\(handles) hca_object=\(objects)", field: "rdma.\(limit.device)")
            }
        }
    }
}
