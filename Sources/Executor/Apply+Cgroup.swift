internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    /// The container's own part of the cgroup tree (config-linux.md, "Control groups").
    ///
    /// With a cgroup namespace of its own the file system itself shows no more than that; without one the container's
    /// directories are bound, so that those of others are out of reach (CVE-2023-25809).
    func mountCgroup(_ plan: MountPlan) throws(SysError) {
        let host: CgroupHost
        do { host = try CgroupHost.current() } catch {
            if case .kernel(let failure) = error { throw failure }
            throw SysError(ENODEV, "mount cgroup", on: plan.destination)
        }
        let place = try root.makeDirectory(plan.destination)
        if host.mode == .unified, let hierarchy = host.hierarchies.first(where: \.isUnified) {
            return try cgroupMount(hierarchy, plan).attach(to: place, name: plan.destination)
        }
        let fileSystem = try FileSystemContext(type: "tmpfs")
        try fileSystem.set("source", "cgroup")
        try fileSystem.set("mode", "0755")
        let top = try fileSystem.mount(plan.set.subtracting(.readonly))
        try top.attach(to: place, name: plan.destination)
        for hierarchy in host.hierarchies { try addHierarchy(hierarchy, to: top, plan) }
        if plan.set.contains(.readonly) { try makeMountReadonly(top, .single, name: plan.destination) }
    }

    /// One directory a hierarchy, named as the host names it, and a link for every controller that shares it.
    private func addHierarchy(_ hierarchy: CgroupHost.Hierarchy, to top: borrowing FD, _ plan: MountPlan) throws(SysError) {
        guard let last = hierarchy.mountPoint.split(separator: "/").last.map(String.init) else { return }
        let mount: FD
        do { mount = try cgroupMount(hierarchy, plan) } catch  where error.errno == ENOENT {
            // A hierarchy in which the container has no directory.
            return
        }
        try top.makeDirectory(last, mode: 0o755)
        let place = try top.open(last, openPathOnly | O_DIRECTORY, resolve: .beneath)
        try mount.attach(to: place, name: "\(plan.destination)/\(last)")
        for controller in hierarchy.controllers
        where controller != last && !controller.hasPrefix("name=") && hierarchy.controllers.count > 1 {
            try top.makeSymlink(controller, to: last)
        }
    }

    private func cgroupMount(_ hierarchy: CgroupHost.Hierarchy, _ plan: MountPlan) throws(SysError) -> FD {
        guard context.spec.linux.namespace(.cgroup) != nil else { return try ownDirectory(hierarchy, plan) }
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
        return try fileSystem.mount(plan.set)
    }

    private func ownDirectory(_ hierarchy: CgroupHost.Hierarchy, _ plan: MountPlan) throws(SysError) -> FD {
        let wanted = hierarchy.controllers.first ?? ""
        guard let path = context.cgroup?.directories.first(where: { $0.controller == wanted })?.path else {
            throw SysError(ENOENT, "mount cgroup", on: wanted)
        }
        let copy = try FD.mountCopy(of: path, .single)
        try copy.changeMount(set: plan.set, .single, name: plan.destination)
        return copy
    }
}
