internal import Glibc
internal import Images
internal import LinuxSys

extension IDMap {
    /// A container's root with the ids of its user namespace: its layers are seen through mounts that map them, and what the container
    /// writes is written with the node's ids that are its own.
    func adopt(_ root: inout ContainerRoot) throws(SysError) {
        guard !isEmpty else { return }
        for index in root.mounts.indices { root.mounts[index].options += layerOptions }
        let upper = try FD.open(root.upperDir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        var found = stat()
        try checkErrno("stat", on: root.upperDir) { unsafe fstat(upper.raw, &found) }
        guard let uid = Self.host(found.st_uid, in: uids), let gid = Self.host(found.st_gid, in: gids) else {
            throw SysError(EOVERFLOW, "map owner of", on: root.upperDir)
        }
        try upper.setOwner(uid: uid, gid: gid, name: root.upperDir)
    }
}
