internal import LinuxSys

extension Cgroup {
    /// One that is there already, by its path in the hierarchies: in each of them that has it. Throws when none has.
    package static func named(_ path: String) throws(CgroupError) -> Cgroup {
        var found: [Directory] = []
        for hierarchy in try CgroupHost.current().hierarchies {
            let directory = hierarchy.directory(path)
            guard ControlFile.exists(directory) else { continue }
            found += (hierarchy.isUnified ? [""] : hierarchy.controllers).map { Directory(controller: $0, path: directory) }
        }
        guard !found.isEmpty else { throw .kernel(SysError(2 /* ENOENT */, "find cgroup", on: path)) }
        return Cgroup(found)
    }
}
