import Glibc
internal import LinuxSys
internal import OCI

extension MountPlan {
    /// Puts a detached mount in its place. Its attributes come first, so that nobody sees the mount without them.
    func settle(_ mount: borrowing FD, on place: borrowing FD) throws(SysError) {
        do {
            try change(mount)
            try mount.attach(to: place, name: destination)
        } catch  where error.errno == ENOSYS {
            try mount.attach(to: place, name: destination)
            try OldKernel.change(mount, set: set.union(setBelow), clear: clear.union(clearBelow), name: destination)
        }
        try propagate(mount)
    }

    func propagate(_ mount: borrowing FD) throws(SysError) {
        for word in propagation {
            let flags = word.kernel.rawValue | (word.isRecursive ? MountFlag.recursive : 0)
            do { try mountPath(nil, on: "/proc/self/fd/\(mount.raw)", flags: flags) } catch {
                throw SysError(error.errno, "mount \(word.rawValue)", on: destination)
            }
        }
    }

    private func change(_ mount: borrowing FD) throws(SysError) {
        if !setBelow.isEmpty || !clearBelow.isEmpty {
            try mount.changeMount(set: setBelow, clear: Self.cleared(setBelow, clearBelow), .recursive, name: destination)
        }
        if !set.isEmpty || !clear.isEmpty { try mount.changeMount(set: set, clear: Self.cleared(set, clear), .single, name: destination) }
    }

    /// Access times are one field: it is cleared as a whole when any value is set (mount_setattr(2)).
    private static func cleared(_ set: MountAttributes, _ clear: MountAttributes) -> MountAttributes {
        let rest = clear.subtracting(.accessTimeMask)
        return set.union(clear).isDisjoint(with: .accessTimeMask) ? rest : rest.union(.accessTimeMask)
    }
}

extension Propagation {
    var kernel: MountPropagation {
        switch self {
        case .private, .recursivePrivate: .private
        case .shared, .recursiveShared: .shared
        case .slave, .recursiveSlave: .slave
        case .unbindable, .recursiveUnbindable: .unbindable
        }
    }
}

/// What Linux before 5.12 does instead of mount_setattr(2): a remount of the attached mount through its descriptor,
/// which replaces all flags, so that those in force are read first.
enum OldKernel {
    static func change(_ mount: borrowing FD, set: MountAttributes, clear: MountAttributes, name: String) throws(SysError) {
        guard !set.isEmpty || !clear.isEmpty else { return }
        let found = try mount.fileSystem().flags
        var flags: UInt64 = 0
        // ST_* as statfs tells them, MS_* as mount takes them, and the attribute of the same meaning.
        let table: [(st: UInt64, ms: UInt64, attribute: MountAttributes)] = [
            (1, MountFlag.readonly, .readonly), (2, MountFlag.noSetUID, .noSetUID), (4, MountFlag.noDevices, .noDevices),
            (8, MountFlag.noExecute, .noExecute), (0x400, MountFlag.noAccessTime, .noAccessTime),
            (0x800, MountFlag.noDirectoryAccessTime, .noDirectoryAccessTime), (0x2000, MountFlag.noSymlinkFollow, .noSymlinkFollow),
        ]
        for entry in table where set.contains(entry.attribute) || (found & entry.st != 0 && clear.isDisjoint(with: entry.attribute)) {
            flags |= entry.ms
        }
        if set.contains(.strictAccessTime) { flags |= MountFlag.strictAccessTime }
        do {
            try mountPath(nil, on: "/proc/self/fd/\(mount.raw)", flags: flags | MountFlag.remount | MountFlag.bind)
        } catch { throw SysError(error.errno, "remount", on: name) }
    }
}
