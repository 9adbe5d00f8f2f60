internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    /// The container's own part of the cgroup tree (config-linux.md, "Control groups").
    ///
    /// With a cgroup namespace of its own the file system itself shows no more than that. Without one, or where the kernel
    /// refuses such a mount, the container's directories are bound, so that those of others are out of reach; and where the
    /// container has none, an empty read-only directory covers the host's (CVE-2023-25809).
    func mountCgroup(_ plan: MountPlan, _ tree: MountPlan.CgroupTree) throws(SysError) {
        guard let host = context.cgroupHost else { throw SysError(ENODEV, "mount cgroup", on: plan.destination) }
        let place = try place(of: plan, isDirectory: true)
        if host.mode == .unified || tree == .unified {
            guard let hierarchy = host.hierarchies.first(where: \.isUnified) else {
                throw SysError(ENODEV, "mount cgroup2", on: plan.destination)
            }
            let made: FD
            if let own = try cgroupMount(hierarchy, plan) {
                try own.changeMount(set: plan.set, .single, name: plan.destination)
                made = own
            } else {
                made = try emptyDirectory(plan)
            }
            try made.attach(to: place, name: plan.destination)
            return try plan.propagate(made)
        }
        let fileSystem = try FileSystemContext(type: "tmpfs")
        try fileSystem.set("source", "cgroup")
        try fileSystem.set("mode", "0755")
        if let label = context.spec.linux.mountLabel { try fileSystem.set("context", label) }
        let top = try fileSystem.mount(plan.set.subtracting(.readonly))
        try top.attach(to: place, name: plan.destination)
        for hierarchy in host.hierarchies { try addHierarchy(hierarchy, to: top, plan) }
        // For all that is bound there at once.
        do { try top.changeMount(set: plan.set, .recursive, name: plan.destination) } catch  where error.errno == ENOSYS {
            guard context.spec.linux.namespace(.cgroup) != nil else { throw Self.tooOld(plan) }
            if plan.set.contains(.readonly) { try Self.makeReadonly(top, name: plan.destination) }
        }
        try plan.propagate(top)
    }

    /// One directory a hierarchy, named as the host names it, and a link for every controller that shares it.
    private func addHierarchy(_ hierarchy: CgroupHost.Hierarchy, to top: borrowing FD, _ plan: MountPlan) throws(SysError) {
        guard let last = pathParts(hierarchy.mountPoint).last else { return }
        // None for a hierarchy in which the container has no directory.
        guard let mount = try cgroupMount(hierarchy, plan) else { return }
        try top.makeDirectory(last, mode: 0o755)
        try mount.attach(onto: last, of: top)
        for controller in hierarchy.controllers
        where controller != last && !controller.hasPrefix("name=") && hierarchy.controllers.count > 1 {
            try top.makeSymlink(controller, to: last)
        }
    }

    private func cgroupMount(_ hierarchy: CgroupHost.Hierarchy, _ plan: MountPlan) throws(SysError) -> FD? {
        guard context.spec.linux.namespace(.cgroup) != nil else { return try ownDirectory(hierarchy, plan) }
        do {
            let fileSystem = try FileSystemContext(type: hierarchy.isUnified ? "cgroup2" : "cgroup")
            try fileSystem.set("source", "cgroup")
            for controller in hierarchy.controllers {
                if controller.hasPrefix("name=") {
                    try fileSystem.set("none", nil)
                    try fileSystem.set("name", String(controller.dropFirst(5)))
                } else {
                    try fileSystem.set(controller, nil)
                }
            }
            if hierarchy.isUnified { for datum in plan.data { try fileSystem.set(datum.key, datum.value) } }
            return try fileSystem.mount(plan.set)
        } catch  where error.errno == EPERM || error.errno == EBUSY {
            // The cgroup namespace belongs to another user namespace, or the hierarchy is on its way out.
            return try ownDirectory(hierarchy, plan)
        }
    }

    private func ownDirectory(_ hierarchy: CgroupHost.Hierarchy, _ plan: MountPlan) throws(SysError) -> FD? {
        let wanted = hierarchy.controllers.first ?? ""
        guard let path = context.cgroup?.directories.first(where: { $0.controller == wanted })?.path else { return nil }
        do { return try FD.mountCopy(of: path, .single) } catch  where error.errno == ENOENT || error.errno == EACCES { return nil }
    }

    private static func tooOld(_ plan: MountPlan) -> SysError {
        SysError(ENOSYS, "mount cgroup", on: "\(plan.destination) (without a cgroup namespace it needs Linux 5.12)")
    }

    private func emptyDirectory(_ plan: MountPlan) throws(SysError) -> FD {
        let fileSystem = try FileSystemContext(type: "tmpfs")
        try fileSystem.set("source", "tmpfs")
        try fileSystem.set("mode", "0555")
        return try fileSystem.mount(plan.set.union([.readonly, .noSetUID, .noDevices, .noExecute]))
    }
}
