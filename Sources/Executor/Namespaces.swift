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
    /// Of a new time namespace.
    private let offsets: [TimeOffset]

    init(_ spec: LinuxSpec) {
        offsets = spec.timeOffsets
        for kind in Self.order {
            let flag = kind.flag
            guard let namespace = spec.namespace(kind) else { continue }
            if let path = namespace.path {
                joined.append(Joined(kind: flag, name: kind.rawValue, path: path))
                if kind == .user { joinsUser = true }
            } else if flag != .newCgroup {
                // A cgroup namespace shows the cgroup that one is in: init makes it itself once it has joined (cgroup_namespaces(7)).
                made = made.union(flag)
            }
        }
    }

    /// What the executor makes for itself in advance, so that the mounts of the rootfs land in it.
    var makesMount: Bool { made.contains(.newMount) }
    var makesUser: Bool { made.contains(.newUser) }

    /// For the clone. Without a new user namespace init keeps the mount namespace that the executor made. A new time
    /// namespace the executor makes also: its offsets have to stand before the first process is in it.
    var cloned: CloneFlags { (makesUser || joinsUser ? made : made.subtracting(.newMount)).subtracting(.newTime) }

    /// Everything that differs from the host's in the executor after joining.
    var changed: CloneFlags { joined.reduce(made.intersection(.newMount.union(.newTime))) { $0.union($1.kind) } }

    /// Opens every path before any is joined: after the mount namespace they would mean something else. A file that is no
    /// namespace, or one of another kind, is an error (config-linux.md, "Namespaces").
    func open() throws(SysError) -> [FDBox] {
        var result: [FDBox] = []
        for namespace in joined {
            // A fifo must not hold this up.
            let file = try FD.open(namespace.path, O_RDONLY | O_NONBLOCK)
            guard let kind = try file.namespaceKind() else {
                throw SysError(EINVAL, "join", on: "\(namespace.path) (it is not a namespace)")
            }
            guard kind == namespace.kind else {
                throw SysError(EINVAL, "join", on: "\(namespace.path) (it is no \(namespace.name) namespace)")
            }
            try checkForeign(file, namespace)
            result.append(FDBox(file))
        }
        return result
    }

    /// In a mount namespace that is joined the root changes for everybody: it must not be the runtime's own.
    private func checkForeign(_ file: borrowing FD, _ namespace: Joined) throws(SysError) {
        guard namespace.kind == .newMount, try file.info().isSameFile(as: FD.open("/proc/self/ns/mnt", O_RDONLY).info()) else { return }
        throw SysError(EBUSY, "join", on: "\(namespace.path) (it is the runtime's own mount namespace)")
    }

    func join(_ opened: [FDBox], where wanted: (Joined) -> Bool) throws(SysError) {
        for (namespace, fd) in zip(joined, opened) where wanted(namespace) {
            try joinNamespace(fd.fd, namespace.kind, name: "\(namespace.name) \(namespace.path)")
        }
    }

    /// The user namespace among those that were opened.
    func user(of opened: [FDBox]) -> FDBox? { zip(joined, opened).first { $0.0.kind == .newUser }?.1 }

    /// A time namespace for the children of this process, with its clocks set (time_namespaces(7)).
    func makeTime(_ host: HostPlace) throws(SysError) {
        if made.contains(.newTime) { try makeTime(host, of: getpid()) }
    }

    /// For this process itself, which has a single thread.
    func enterTime(_ host: HostPlace) throws(SysError) {
        guard made.contains(.newTime) else { return }
        let pid = try host.ownPID()
        try makeTime(host, of: pid)
        try joinNamespace(try host.proc.fd.open("\(pid)/ns/time_for_children", O_RDONLY, resolve: []), .newTime, name: "time")
    }

    private func makeTime(_ host: HostPlace, of pid: Int32) throws(SysError) {
        try unshareNamespaces(.newTime, name: "time")
        guard !offsets.isEmpty else { return }
        let text = offsets.map { "\($0.clock.rawValue) \($0.seconds) \($0.nanoseconds)\n" }.joined()
        try host.write(text, of: pid, "timens_offsets")
    }

    private static let order: [NamespaceSpec.Kind] = [.ipc, .uts, .network, .pid, .cgroup, .time, .mount, .user]
}

extension NamespaceSpec.Kind {
    fileprivate var flag: CloneFlags {
        switch self {
        case .mount: .newMount
        case .pid: .newPID
        case .network: .newNetwork
        case .ipc: .newIPC
        case .uts: .newUTS
        case .user: .newUser
        case .cgroup: .newCgroup
        case .time: .newTime
        }
    }
}
