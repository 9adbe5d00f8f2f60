import Glibc
internal import LinuxSys
package import OCI

extension Cgroup {
    /// Makes the cgroup of a container and sets its limits; what was made is removed again when anything fails.
    ///
    /// An absolute `path` counts from the mount of each hierarchy. A relative one, or none (then it is the container's id),
    /// counts from the caller's own cgroup under v1, and from the parent of that under v2, where a group with processes can
    /// have no limited children ("no internal processes", cgroups(7)).
    ///
    /// With `systemd` it is a scope that systemd makes, of the name `slice:prefix:name`; `annotations` can set properties of it.
    /// `owner`: the uid on the host that may use the group below its limits (config-linux.md, "Cgroup ownership").
    package static func create(
        path: String?, id: String, resources: ResourcesSpec?, systemd: Bool, annotations: [String: String] = [:], owner: UInt32? = nil,
        on known: CgroupHost? = nil, birthplace: Birthplace? = nil
    ) throws(CgroupError) -> Cgroup {
        let resources = resources ?? ResourcesSpec()
        let cgroup =
            systemd
            ? try createScope(path: path, id: id, resources: resources, annotations: annotations)
            : try createPlain(path ?? id, resources, on: known, birthplace?.made ?? [])
        guard let owner, cgroup.isUnifiedOnly else { return cgroup }
        do { try cgroup.give(to: owner) } catch {
            cgroup.settle()
            try? cgroup.remove()
            throw error
        }
        return cgroup
    }

    /// The root itself is never a container's: to kill or remove it would end the host.
    static func isBelowRoot(_ wanted: String) -> Bool {
        let parts = pathParts(wanted)
        return !parts.contains("..") && !parts.isEmpty
    }

    private static func createPlain(_ wanted: String, _ resources: ResourcesSpec, on known: CgroupHost?, _ before: [String])
        throws(CgroupError) -> Cgroup
    {
        guard isBelowRoot(wanted) else {
            throw .unsupported(field: "linux.cgroupsPath", reason: "\(wanted) names no cgroup below the root")
        }
        let all = if let known { known } else { try CgroupHost.current() }
        let host = all.usable
        try check(resources, on: all)
        if all.isLimited { try checkRights(to: resources, host) }
        var made = before
        do throws(CgroupError) {
            let cgroup = Cgroup(try directories(wanted, on: host, made: &made))
            let older = cgroup.paths.filter { !made.contains($0) }
            for path in older { try refuseOccupied(path) }
            guard older.isEmpty || !cgroup.frozen else {
                throw .unsupported(field: "linux.cgroupsPath", reason: "\(wanted) is frozen: nothing would start in it")
            }
            try cgroup.apply(resources)
            return cgroup
        } catch {
            for directory in made.reversed() { _ = unsafe rmdir(directory) }
            throw error
        }
    }

    /// One in each hierarchy, made where it is missing.
    static func directories(_ wanted: String, on host: CgroupHost, made: inout [String]) throws(CgroupError) -> [Directory] {
        var result: [Directory] = []
        // The unified hierarchy goes last: by then the others hold what it does not.
        for hierarchy in host.hierarchies.filter({ !$0.isUnified }) + host.hierarchies.filter(\.isUnified) {
            let place = try make(wanted, in: hierarchy, made: &made)
            result += (hierarchy.isUnified ? [""] : hierarchy.controllers).map { Directory(controller: $0, path: place) }
        }
        return result
    }

    /// The path of the group in one hierarchy, by the rule of `create`.
    static func path(of wanted: String, in hierarchy: CgroupHost.Hierarchy) -> String {
        if wanted.utf8.first == UInt8(ascii: "/") { return wanted }
        var base = pathParts(hierarchy.ownBelowMount)
        if hierarchy.isUnified, !hierarchy.countsFromOwn { _ = base.popLast() }
        return "\(rootedPath(base))/\(wanted)"
    }

    /// One directory after the other from the mount down, each ready to have children before it gets one.
    static func make(_ wanted: String, in hierarchy: CgroupHost.Hierarchy, made: inout [String]) throws(CgroupError) -> String {
        func add(_ directory: String) -> Bool {
            guard unsafe mkdir(directory, 0o755) == 0 else { return false }
            made.append(directory)
            if hierarchy.controllers.contains("memory") { Memory.includeChildren(directory) }
            return true
        }
        let path = path(of: wanted, in: hierarchy)
        let isCPUSet = hierarchy.controllers.contains("cpuset")
        // Usually only the last one is missing, and under v1 most controllers ask nothing of those above it.
        if !hierarchy.isUnified, !isCPUSet {
            let whole = hierarchy.directory(path)
            if add(whole) || errno == EEXIST { return whole }
        }
        var current = hierarchy.mountPoint
        for part in pathParts(path) {
            if hierarchy.isUnified { Unified.delegate(current) }
            let parent = current
            current = "\(parent == "/" ? "" : parent)/\(part)"
            let isNew = add(current)
            guard isNew || errno == EEXIST else { throw .kernel(SysError(errno, "create cgroup", on: current)) }
            if isCPUSet { try CPUSet.inherit(current, from: parent, isNew: isNew) }
        }
        return current
    }

    private static func refuseOccupied(_ path: String) throws(CgroupError) {
        let found = try processes(below: path)
        guard found.isEmpty else { throw .occupied(directory: path, processes: found) }
    }
}
