import OCI

/// The hugetlb controller (kernel: admin-guide/cgroup-v1/hugetlb.rst).
enum Hugetlb {
    static func plan(_ limits: [HugepageLimit]) -> ControllerPlan {
        ControllerPlan(controller: "hugetlb") { version throws(CgroupError) in
            var writes: [ControlWrite] = []
            for (number, limit) in limits.enumerated() {
                let (field, end) = ("hugepageLimits[\(number)]", version == .v1 ? "limit_in_bytes" : "max")
                writes.append(ControlWrite("hugetlb.\(limit.pageSize).\(end)", "\(limit.limit)", field: field))
                // Since Linux 5.7 reservations count apart; without a limit a container could reserve all and fault none.
                writes.append(ControlWrite("hugetlb.\(limit.pageSize).rsvd.\(end)", "\(limit.limit)", field: field, optional: true))
            }
            return writes
        }
    }
}
