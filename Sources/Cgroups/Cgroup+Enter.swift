import Glibc
internal import LinuxSys

extension Cgroup {
    /// Moves in a process that is started beside the container's init, `initial`.
    ///
    /// - Parameter subgroups: cgroups below this one, which must be there: one for each controller, or under the empty name one for
    ///   all that have none of their own.
    ///
    /// Under v2 the container can have made groups below its own and moved its processes there; then its own takes no process any
    /// more ("no internal processes", cgroups(7)), and the new one goes where init is.
    package func enter(pid: Int32, subgroups: [String: String] = [:], besides initial: Int32, isBornInside: Bool = false)
        throws(CgroupError)
    {
        let places = try places(subgroups)
        for place in places where !(isBornInside && place.isUnified) {
            do { try ControlFile.write("\(pid)", to: "\(place.path)/cgroup.procs") } catch {
                guard case .kernel(let failure) = error, place.isUnified, subgroups.isEmpty,
                    [EBUSY, EOPNOTSUPP, ENOTSUP].contains(failure.errno)
                else {
                    try attachThroughUnit(pid, refused: error)
                    continue
                }
                try ControlFile.write("\(pid)", to: "\(try Self.unifiedDirectory(of: initial))/cgroup.procs")
            }
        }
    }

    /// Where to go in each hierarchy.
    func places(_ subgroups: [String: String]) throws(CgroupError) -> [Directory] {
        guard !subgroups.isEmpty else { return places }
        for (controller, path) in subgroups {
            guard !path.split(separator: "/").contains(".."), !path.utf8.contains(0) else {
                throw .unsupported(field: "cgroup", reason: "\(path) leads out of the container's cgroup")
            }
            guard controller.isEmpty || directories.contains(where: { $0.controller == controller }) else {
                throw .unsupported(field: "cgroup", reason: "the container has no controller \(controller)")
            }
        }
        var result: [Directory] = []
        for directory in directories {
            let below = subgroups[directory.controller] ?? subgroups[""] ?? ""
            let place = directory.path + rootedPath(pathParts(below))
            guard ControlFile.exists("\(place)/cgroup.procs") else {
                // Beside v1 the unified hierarchy has what limits it has none of: who made groups made them where the limits are.
                if directory.isUnified, !isUnifiedOnly {
                    result.append(directory)
                    continue
                }
                throw .unsupported(field: "cgroup", reason: "there is no cgroup \(place)")
            }
            if !result.contains(where: { $0.path == place }) { result.append(Directory(controller: directory.controller, path: place)) }
        }
        return result
    }

    /// The v2 group that a process is in, as this process sees it.
    private static func unifiedDirectory(of pid: Int32) throws(CgroupError) -> String {
        let host = try CgroupHost.current()
        let membership = try ControlFile.read("/proc/\(pid)/cgroup")
        guard let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") }),
            var hierarchy = host.hierarchies.first(where: \.isUnified)
        else { throw .notMounted }
        hierarchy.own = String(line.dropFirst(3))
        return hierarchy.directory(hierarchy.ownBelowMount)
    }
}
