import Glibc
internal import LinuxSys
internal import OCI

/// Layers of an overlay that are seen with other ids than those on disk, so that a container with a user namespace owns its image
/// (overlayfs.rst; id-mapped mounts as layers: Linux 5.19). Asked for by the options `uidmap` and `gidmap`, as containerd's snapshotters
/// write them: `CONTAINER:HOST:SIZE`, several with commas between.
enum MappedLayers {
    /// Takes these options out, and puts copies of the lower layers' mounts, with their ids mapped, into their place: below a tmpfs over
    /// the rootfs, which the overlay then covers. The mount namespace is the container's to be.
    static func place(_ options: inout [String], at path: String, _ users: UserNamespaces?) throws(SysError) {
        let maps = try (uid: take("uidmap=", &options), gid: take("gidmap=", &options))
        guard !maps.uid.isEmpty || !maps.gid.isEmpty else { return }
        guard let users, !maps.uid.isEmpty, !maps.gid.isEmpty else {
            throw SysError(EINVAL, "mount", on: "options uidmap and gidmap (both, and the built-in runtime, are needed)")
        }
        let layers = OverlayOptions(options).lower
        try mountPath("swiftlet", on: path, type: "tmpfs", flags: 0, data: "mode=0711,size=1m")
        let place = try FD.open(path, openPathOnly | O_DIRECTORY)
        let map = MountPlan.IDMap(uid: maps.uid, gid: maps.gid, scope: .single)
        for (number, layer) in layers.enumerated() {
            let copy = try FD.mountCopy(of: layer, .single)
            try users.apply(map, to: copy, name: layer)
            try place.makeDirectory("\(number)", mode: 0o711)
            try copy.attach(to: FD.open("\(path)/\(number)", openPathOnly | O_DIRECTORY), name: layer)
        }
        options.removeAll { $0.hasPrefix("lowerdir=") }
        options.append("lowerdir=" + layers.indices.map { "\(path)/\($0)" }.joined(separator: ":"))
    }

    private static func take(_ key: String, _ options: inout [String]) throws(SysError) -> [IDMapping] {
        let words = options.filter { $0.hasPrefix(key) }.flatMap { $0.dropFirst(key.utf8.count).split(separator: ",") }
        options.removeAll { $0.hasPrefix(key) }
        var result: [IDMapping] = []
        for word in words {
            let numbers = word.split(separator: ":", omittingEmptySubsequences: false).compactMap { UInt32($0) }
            guard numbers.count == 3, numbers[2] > 0 else { throw SysError(EINVAL, "mount", on: "option \(key)\(word)") }
            result.append(IDMapping(containerID: numbers[0], hostID: numbers[1], size: numbers[2]))
        }
        return result
    }
}
