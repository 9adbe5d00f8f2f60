import Glibc
internal import LinuxSys
internal import OCI

/// Which namespaces a container's init is born into: joined by the executor before it clones, or made by the clone.
struct NamespacePlan: Equatable {
    struct Joined: Equatable {
        var kind: CloneFlags
        var name: String
        var path: String
    }
    /// In the order of joining: the user namespace last, since it takes the privileges for the others away.
    private(set) var joined: [Joined] = []
    private(set) var made: CloneFlags = []
    private(set) var joinsUser = false

    init(_ spec: LinuxSpec) {
        for (kind, flag) in Self.order {
            guard let namespace = spec.namespace(kind) else { continue }
            if let path = namespace.path {
                joined.append(Joined(kind: flag, name: kind.rawValue, path: path))
                if kind == .user { joinsUser = true }
            } else if kind != .cgroup {
                // A cgroup namespace shows the cgroup that one is in: init makes it itself once it has joined (cgroup_namespaces(7)).
                made.insert(flag)
            }
        }
    }

    /// What the executor makes for itself in advance, so that the mounts of the rootfs land in it.
    var makesMount: Bool { made.contains(.newMount) }
    var makesUser: Bool { made.contains(.newUser) }

    /// For the clone. Without a new user namespace init keeps the mount namespace that the executor made.
    var cloned: CloneFlags { makesUser || joinsUser ? made : made.subtracting(.newMount) }

    /// Everything that differs from the host's in the executor after joining.
    var changed: CloneFlags { joined.reduce(makesMount ? .newMount : []) { $0.union($1.kind) } }

    /// Opens every path before any is joined: after the mount namespace they would mean something else.
    func open() throws(SysError) -> [FDBox] {
        var result: [FDBox] = []
        for namespace in joined { result.append(FDBox(try FD.open(namespace.path, O_RDONLY))) }
        return result
    }

    func join(_ opened: [FDBox], where wanted: (Joined) -> Bool) throws(SysError) {
        for (namespace, fd) in zip(joined, opened) where wanted(namespace) {
            try joinNamespace(fd.fd, namespace.kind, name: "\(namespace.name) \(namespace.path)")
        }
    }

    private static let order: [(NamespaceSpec.Kind, CloneFlags)] = [
        (.ipc, .newIPC), (.uts, .newUTS), (.network, .newNetwork), (.pid, .newPID), (.cgroup, .newCgroup), (.mount, .newMount),
        (.user, .newUser),
    ]
}
