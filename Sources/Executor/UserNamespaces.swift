import Glibc
internal import LinuxSys
internal import OCI

/// User namespaces as maps of ids for mounts (mount_setattr(2)): the one that the container joins, or such that are made for
/// nothing else. A namespace lives as long as somebody is in it or holds its file.
final class UserNamespaces {
    private let host: HostPlace
    private let spec: RuntimeSpec
    private let joined: FDBox?
    private var made: [(uid: [IDMapping], gid: [IDMapping], fd: FDBox)] = []

    /// `joined`: the container's, when it has one by path.
    init(host: HostPlace, _ spec: RuntimeSpec, joined: FDBox?) {
        self.host = host
        self.spec = spec
        self.joined = joined
    }

    func apply(_ map: MountPlan.IDMap, to mount: borrowing FD, name: String) throws(SysError) {
        let namespace = try namespace(for: map)
        do { try mount.mapIDs(by: namespace.fd, map.scope, name: name) } catch {
            throw SysError(error.errno, "id-map mount", on: error.errno == EINVAL ? "\(name) (its file system may not know how)" : name)
        }
    }

    private func namespace(for map: MountPlan.IDMap) throws(SysError) -> FDBox {
        if map.uid.isEmpty, let joined { return joined }
        let (uid, gid) = map.uid.isEmpty ? (spec.linux.uidMappings, spec.linux.gidMappings) : (map.uid, map.gid)
        if let known = made.first(where: { $0.uid == uid && $0.gid == gid }) { return known.fd }
        let fd = try make(uid, gid)
        made.append((uid, gid, fd))
        return fd
    }

    /// A process is born into the namespace, and stays until its maps are written and its file is open.
    private func make(_ uid: [IDMapping], _ gid: [IDMapping]) throws(SysError) -> FDBox {
        let (outside, inside) = try FD.recordPair().take { (FDBox($0), FDBox($1)) }
        let side = try cloneProcess(.newUser)
        switch consume side {
        case .child:
            // Its own copy of the other end would keep it waiting when the executor is gone.
            try? inside.fd.place(at: outside.raw)
            _ = try? inside.fd.receive()
            exitNow(0)
        case .parent(let pid, let pidfd):
            let result = open(pid, uid, gid)
            try? pidfd.signalProcess(SIGKILL)
            _ = try? pidfd.reap(blocking: true)
            withExtendedLifetime(outside) {}
            return try result.get()
        }
    }

    private func open(_ pid: Int32, _ uid: [IDMapping], _ gid: [IDMapping]) -> Result<FDBox, SysError> {
        do throws(SysError) {
            try host.write(uid.map(\.line).joined(), of: pid, "uid_map")
            try host.write(gid.map(\.line).joined(), of: pid, "gid_map")
            return .success(FDBox(try host.proc.fd.open("\(pid)/ns/user", O_RDONLY, resolve: [])))
        } catch { return .failure(error) }
    }
}
