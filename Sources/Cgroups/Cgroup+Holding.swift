internal import LinuxSys

extension Cgroup {
    /// The one that a process is in, which another runtime has made for it.
    ///
    /// Hierarchies in which the process is where this one is, or above it, are left out: what is there is not the container's alone, and
    /// a cgroup's processes are killed and its directory removed in the end.
    package static func holding(pid: Int32) throws(CgroupError) -> Cgroup {
        let here = try CgroupHost.current()
        let membership: [UInt8]
        do throws(SysError) { membership = try FD.open("/proc/\(pid)/cgroup", 0).readAll(limit: 1 << 20) } catch { throw .kernel(error) }
        return holding(membership, on: here)
    }

    static func holding(_ membership: [UInt8], on host: CgroupHost) -> Cgroup {
        let lines = MembershipLines(membership).members
        var old: [Directory] = []
        var unified: [Directory] = []
        for hierarchy in host.hierarchies {
            guard let own = lines.first(where: { $0.controllers == hierarchy.controllers })?.own else { continue }
            guard own != "/", own != hierarchy.own, !hierarchy.own.hasPrefix("\(own)/") else { continue }
            var theirs = hierarchy
            theirs.own = own
            let path = hierarchy.directory(theirs.ownBelowMount)
            if hierarchy.isUnified {
                unified.append(Directory(controller: "", path: path))
            } else {
                old += hierarchy.controllers.map { Directory(controller: $0, path: path) }
            }
        }
        return Cgroup(old + unified)
    }
}
