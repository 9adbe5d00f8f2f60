import Glibc
internal import LinuxSys

extension CgroupHost {
    /// Of the hierarchies those that this user may use for a container (cgroups(7), "Delegation"): where the group can be made, or is there
    /// and may be joined, and where a process of this user can be moved there. A v2 group of which only the own one is delegated
    /// and not its parent gets the container's below the own: without limits then, as long as there are processes in it.
    package func limited(to path: String?, id: String) -> CgroupHost {
        var result = self
        for index in result.hierarchies.indices {
            let wanted = path ?? id
            result.hierarchies[index].isUsable = Self.mayUse(result.hierarchies[index], for: wanted)
            guard !result.hierarchies[index].isUsable, result.hierarchies[index].isUnified else { continue }
            var below = result.hierarchies[index]
            below.countsFromOwn = true
            below.isUsable = true
            if Self.mayUse(below, for: wanted) { result.hierarchies[index] = below }
        }
        return result
    }

    package var isLimited: Bool { hierarchies.contains { !$0.isUsable } }

    /// Those in which a container's group is made.
    var usable: CgroupHost {
        guard isLimited else { return self }
        var result = self
        result.hierarchies = hierarchies.filter(\.isUsable)
        return result
    }

    private static func mayUse(_ hierarchy: Hierarchy, for wanted: String) -> Bool {
        let parts = pathParts(Cgroup.path(of: wanted, in: hierarchy))
        let own = pathParts(hierarchy.ownBelowMount)
        var there = parts.count
        while there > 0, !ControlFile.exists(hierarchy.directory(rootedPath(Array(parts[..<there])))) { there -= 1 }
        let nearest = hierarchy.directory(rootedPath(Array(parts[..<there])))
        guard isWritable(there == parts.count ? "\(nearest)/cgroup.procs" : nearest) else { return false }
        guard hierarchy.isUnified else { return true }
        // To move a process takes the right to do so in what both groups have in common.
        let common = zip(parts, own).prefix { $0 == $1 }.count
        return isWritable("\(hierarchy.directory(rootedPath(Array(parts[..<common]))))/cgroup.procs")
    }

    private static func isWritable(_ path: String) -> Bool { unsafe faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 }
}
