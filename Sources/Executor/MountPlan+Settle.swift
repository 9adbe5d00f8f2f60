import Glibc
internal import LinuxSys
internal import OCI

/// Which of the newer calls for mounts may be used. All of them, but for a test that wants to see what is done without.
package struct KernelCalls: OptionSet, Sendable {
    package let rawValue: UInt8
    /// mount_setattr(2), Linux 5.12.
    static let mountAttributes = KernelCalls(rawValue: 1)
    /// `lowerdir+` of overlayfs, Linux 6.7.
    static let overlayLayers = KernelCalls(rawValue: 2)
    package static let all: KernelCalls = [.mountAttributes, .overlayLayers]

    package init(rawValue: UInt8) { self.rawValue = rawValue }
}

extension FD {
    /// mount_setattr(2) where it may be used; otherwise ENOSYS as from a kernel without it.
    func change(
        set: MountAttributes, clear: MountAttributes = [], _ scope: MountScope, name: String, calls: KernelCalls
    ) throws(SysError) {
        guard calls.contains(.mountAttributes) else { throw SysError(ENOSYS, "mount_setattr", on: name) }
        try changeMount(set: set, clear: clear, scope, name: name)
    }
}

extension MountPlan {
    /// Puts a detached mount in its place. Its attributes come first, so that nobody sees the mount without them.
    func settle(_ mount: borrowing FD, on place: borrowing FD, calls: KernelCalls = .all) throws(SysError) {
        do {
            try change(mount, calls)
            try mount.attach(to: place, name: destination)
        } catch  where error.errno == ENOSYS {
            try checkScope()
            try mount.attach(to: place, name: destination)
            try OldKernel.change(mount, set: set.union(setBelow), clear: clear.union(clearBelow), name: destination)
        }
        try propagate(mount)
    }

    /// Gives what is mounted at the place other attributes.
    func resettle(_ mount: borrowing FD, calls: KernelCalls = .all) throws(SysError) {
        do { try change(mount, calls) } catch  where error.errno == ENOSYS {
            try checkScope()
            try OldKernel.change(mount, set: set, clear: clear, name: destination)
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

    private func change(_ mount: borrowing FD, _ calls: KernelCalls) throws(SysError) {
        if !setBelow.isEmpty || !clearBelow.isEmpty {
            try mount.change(set: setBelow, clear: Self.cleared(setBelow, clearBelow), .recursive, name: destination, calls: calls)
        }
        if !set.isEmpty || !clear.isEmpty {
            try mount.change(set: set, clear: Self.cleared(set, clear), .single, name: destination, calls: calls)
        }
    }

    /// A remount reaches one mount: for those below there is no other call than the one that the kernel does not have.
    private func checkScope() throws(SysError) {
        guard case .bind(_, .recursive) = kind, !setBelow.isEmpty || !clearBelow.isEmpty else { return }
        throw SysError(ENOSYS, "mount_setattr", on: "\(destination) (recursive options need Linux 5.12)")
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

extension MountAttributes {
    /// MS_* of mount(2) and ST_* of statfs(2) with the same meaning.
    private static let table: [(attribute: MountAttributes, ms: UInt64, st: UInt64)] = [
        (.readonly, MountFlag.readonly, 1), (.noSetUID, MountFlag.noSetUID, 2), (.noDevices, MountFlag.noDevices, 4),
        (.noExecute, MountFlag.noExecute, 8), (.noAccessTime, MountFlag.noAccessTime, 0x400),
        (.noDirectoryAccessTime, MountFlag.noDirectoryAccessTime, 0x800), (.noSymlinkFollow, MountFlag.noSymlinkFollow, 0x2000),
    ]

    /// What statfs says of a mount.
    init(statfs flags: UInt64) { self = Self.table.reduce([]) { flags & $1.st != 0 ? $0.union($1.attribute) : $0 } }

    /// As mount(2) takes them.
    var mountFlags: UInt64 {
        Self.table.reduce(contains(.strictAccessTime) ? MountFlag.strictAccessTime : 0) { contains($1.attribute) ? $0 | $1.ms : $0 }
    }
}

/// What Linux before 5.12 does instead of mount_setattr(2): a remount of the attached mount through its descriptor,
/// which replaces all flags, so that those in force are read first. Locked ones of a user namespace stay with them.
enum OldKernel {
    static func change(_ mount: borrowing FD, set: MountAttributes, clear: MountAttributes, name: String) throws(SysError) {
        guard !set.isEmpty || !clear.isEmpty else { return }
        let found = MountAttributes(statfs: try mount.fileSystem().flags)
        // Of the access times one value holds: a new one takes the place of the old.
        let gone = set.isDisjoint(with: .accessTimeMask) ? clear : clear.union(.accessTimeMask)
        var flags = found.subtracting(gone).union(set).mountFlags
        // Without a word on them a remount keeps access times as they are.
        if !clear.isDisjoint(with: .accessTimeMask), set.isDisjoint(with: .accessTimeMask) { flags |= MountFlag.relativeAccessTime }
        do {
            try mountPath(nil, on: "/proc/self/fd/\(mount.raw)", flags: flags | MountFlag.remount | MountFlag.bind)
        } catch { throw SysError(error.errno, "remount", on: name) }
    }
}
