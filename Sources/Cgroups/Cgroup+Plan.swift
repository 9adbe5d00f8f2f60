import Glibc

extension Cgroup {
    /// Where `create` would make directories that do not exist yet: to be written down before anything is made, so that what a
    /// killed creator leaves can be removed, and nothing else with it. Empty with systemd, which removes a scope without processes.
    package static func missing(path: String?, id: String, systemd: Bool, on known: CgroupHost? = nil) throws(CgroupError)
        -> [Directory]
    {
        guard !systemd else { return [] }
        let all = if let known { known } else { try CgroupHost.current() }
        let host = all.usable
        var result: [Directory] = []
        for hierarchy in host.hierarchies {
            let directory = hierarchy.directory(self.path(of: path ?? id, in: hierarchy))
            guard !ControlFile.exists(directory) else { continue }
            result += (hierarchy.isUnified ? [""] : hierarchy.controllers).map { Directory(controller: $0, path: directory) }
        }
        return result
    }
}

extension Cgroup {
    /// What /proc/PID/cgroup says of a process in it: the controllers of each hierarchy, as they are written there, and the path.
    package var membership: [(controllers: String, path: String)] {
        get throws(CgroupError) {
            var result: [(String, String)] = []
            for hierarchy in try CgroupHost.current().hierarchies {
                let wanted = hierarchy.controllers.first ?? ""
                guard let place = directories.first(where: { $0.controller == wanted })?.path else { continue }
                let below = place.dropFirst(hierarchy.mountPoint.count)
                let root = hierarchy.mountRoot == "/" ? "" : hierarchy.mountRoot
                result.append((hierarchy.controllers.joined(separator: ","), root + (below.hasPrefix("/") ? "" : "/") + below))
            }
            return result
        }
    }
}
