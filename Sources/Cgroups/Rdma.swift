import OCI

/// The rdma controller (kernel: admin-guide/cgroup-v1/rdma.rst): the same file under both versions. What is not named stays.
enum Rdma {
    static func plan(_ limits: [RdmaLimit]) -> ControllerPlan {
        ControllerPlan(controller: "rdma") { _ throws(CgroupError) in
            limits.map { limit in
                let handles = limit.handles.map { " hca_handle=\($0)" } ?? ""
                let objects = limit.objects.map { " hca_object=\($0)" } ?? ""
                return ControlWrite("rdma.max", "\(limit.device)\(handles)\(objects)", field: "rdma.\(limit.device)")
            }
        }
    }
}
