import OCI

/// The net_cls and net_prio controllers (kernel: admin-guide/cgroup-v1/net_cls.rst, net_prio.rst), which v1 alone has.
enum Network {
    static func plans(_ spec: NetworkSpec) -> [ControllerPlan] {
        let tags = ControllerPlan(controller: "net_cls") { version throws(CgroupError) in
            guard let number = spec.classID, number != 0 else { return [] }
            guard version == .v1 else { throw missing("classID") }
            return [ControlWrite("net_cls.classid", "\(number)", field: "network.classID")]
        }
        let priorities = ControllerPlan(controller: "net_prio") { version throws(CgroupError) in
            guard version == .v1 || spec.priorities.isEmpty else { throw missing("priorities") }
            return spec.priorities.enumerated().map { number, entry in
                ControlWrite("net_prio.ifpriomap", "\(entry.name) \(entry.priority)", field: "network.priorities[\(number)]")
            }
        }
        return [tags, priorities]
    }

    private static func missing(_ name: String) -> CgroupError {
        .unsupported(field: "linux.resources.network.\(name)", reason: "cgroup v2 has no such setting")
    }
}
