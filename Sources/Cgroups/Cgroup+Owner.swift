import Glibc
internal import LinuxSys
package import OCI

/// Who may use a container's cgroup (config-linux.md, "Cgroup ownership"; cgroups(7), "Delegation").
package enum CgroupOwner {
    /// The uid on the host that is the container's own user, when the container has a cgroup namespace of its own in which it
    /// may write; nil otherwise.
    package static func uid(_ spec: RuntimeSpec) -> UInt32? {
        guard let process = spec.process, let namespace = spec.linux.namespace(.cgroup), namespace.path == nil else { return nil }
        guard let mount = spec.mounts.first(where: { $0.source == "cgroup" && $0.destination == "/sys/fs/cgroup" }),
            !mount.options.contains("ro")
        else { return nil }
        guard let user = spec.linux.namespace(.user) else { return process.user.uid }
        // Who joins a namespace by its path knows nothing of its mapping here.
        guard user.path == nil || !spec.linux.uidMappings.isEmpty else { return nil }
        return host(process.user.uid, spec.linux.uidMappings)
    }

    static func host(_ uid: UInt32, _ mappings: [IDMapping]) -> UInt32? {
        for mapping in mappings where uid >= mapping.containerID && uid - mapping.containerID < mapping.size {
            return mapping.hostID + (uid - mapping.containerID)
        }
        return nil
    }

    /// What /sys/kernel/cgroup/delegate lists, or what it listed first (Linux 4.15).
    static func files(_ list: String?) -> [String] {
        let names = (list ?? "cgroup.procs\ncgroup.subtree_control\ncgroup.threads").split(separator: "\n").map(String.init)
        return names.filter { !$0.contains("/") && $0 != ".." }
    }
}

extension Cgroup {
    /// The directory, and those of its files that let one use it and not what limits it.
    func give(to uid: UInt32) throws(CgroupError) {
        guard let unified else { return }
        do {
            let directory = try FD.open(unified, O_RDONLY | O_DIRECTORY)
            try directory.setOwner(uid: uid, gid: .max, name: unified)
            for name in CgroupOwner.files(try? ControlFile.read("/sys/kernel/cgroup/delegate")) {
                do { try directory.setOwner(name, uid: uid, gid: .max) } catch  where error.errno == ENOENT {
                    // Not every cgroup has every file of the list.
                }
            }
        } catch { throw .kernel(error) }
    }
}
