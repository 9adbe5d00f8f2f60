import Glibc

internal import LinuxSys
internal import OCI

extension Apply {
    mutating func isolateRoot() throws(SysError) {
        let path = context.rootPath
        try makeParentMountPrivate(of: path)
        let copy = try FD.mountCopy(of: path, .recursive)
        let place = try FD.open(path, openPathOnly | O_DIRECTORY)
        try copy.attach(to: place, name: path)
        // What the host mounts below its own copy later does not concern the container.
        try mountPath(nil, on: path, flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        root = RootDirectory(try FD.open(path, openPathOnly | O_DIRECTORY))
    }

    func mount(_ plan: MountPlan) throws(SysError) {
        switch plan.kind {
        case .bind: try bind(plan)
        case .fileSystem(let type, let source): try mountFileSystem(plan, type: type, source: source)
        case .cgroup: try mountCgroup(plan)
        }
    }

    private func bind(_ plan: MountPlan) throws(SysError) {
        guard let source = context.sources.mounts[plan.number] else { throw SysError(EBADF, "bind", on: plan.destination) }
        let isDirectory = try source.fd.info(name: plan.destination).isDirectory
        try settle(source.fd, on: try target(plan.destination, isDirectory: isDirectory), plan)
    }

    private func mountFileSystem(_ plan: MountPlan, type: String, source: String) throws(SysError) {
        let place =
            switch type {
            case "proc", "sysfs": try root.makePlainDirectory(plan.destination)
            default: try target(plan.destination, isDirectory: true)
            }
        let made: FD
        do {
            let fileSystem = try FileSystemContext(type: type)
            try fileSystem.set("source", source)
            for datum in plan.data { try fileSystem.set(datum.key, datum.value) }
            made = try fileSystem.mount(plan.set)
        } catch {
            throw SysError(error.errno, "mount \(type)", on: error.operation == "mount \(type)" ? "\(plan.destination), \(error.subject)" : plan.destination)
        }
        try made.attach(to: place, name: plan.destination)
        try propagate(made, plan)
    }

    func target(_ path: String, isDirectory: Bool) throws(SysError) -> FD {
        isDirectory ? try root.makeDirectory(path) : try root.makeFile(path)
    }

    /// Attributes first, so that nobody sees the mount without them.
    func settle(_ mount: borrowing FD, on place: borrowing FD, _ plan: MountPlan) throws(SysError) {
        let name = plan.destination
        do {
            try change(mount, plan, name)
            try mount.attach(to: place, name: name)
        } catch where error.errno == ENOSYS {
            try mount.attach(to: place, name: name)
            try OldKernel.change(mount, set: plan.set.union(plan.setBelow), clear: plan.clear.union(plan.clearBelow), name: name)
        }
        try propagate(mount, plan)
    }

    private func change(_ mount: borrowing FD, _ plan: MountPlan, _ name: String) throws(SysError) {
        func clear(_ set: MountAttributes, _ clear: MountAttributes) -> MountAttributes {
            set.union(clear).isDisjoint(with: .accessTimeMask) ? clear : clear.union(.accessTimeMask)
        }
        if !plan.setBelow.isEmpty || !plan.clearBelow.isEmpty {
            try mount.changeMount(set: plan.setBelow, clear: clear(plan.setBelow, plan.clearBelow), .recursive, name: name)
        }
        if !plan.set.isEmpty || !plan.clear.isEmpty {
            try mount.changeMount(set: plan.set, clear: clear(plan.set, plan.clear), .single, name: name)
        }
    }

    private func propagate(_ mount: borrowing FD, _ plan: MountPlan) throws(SysError) {
        for word in plan.propagation { try Apply.propagate(mount, word, name: plan.destination) }
    }

    static func propagate(_ mount: borrowing FD, _ word: Propagation, name: String) throws(SysError) {
        let flags = word.kernel.rawValue | (word.isRecursive ? MountFlag.recursive : 0)
        do { try mountPath(nil, on: "/proc/self/fd/\(mount.raw)", flags: flags) } catch { throw SysError(error.errno, "mount \(word.rawValue)", on: name) }
    }

    /// A mount made below a shared one would appear on the host. The mount that holds `path` is found by asking upwards:
    /// only a mount point can be changed, anything else is EINVAL (mount(2)).
    private func makeParentMountPrivate(of path: String) throws(SysError) { try privatizeMount(holding: path) }
}

/// Makes the mount that holds `path` private in this mount namespace.
func privatizeMount(holding path: String) throws(SysError) {
    var parts = PathComponents(path).parts
    while true {
        let place = "/" + parts.joined(separator: "/")
        do {
            try mountPath(nil, on: place, flags: MountPropagation.private.rawValue)
            return
        } catch where error.errno == EINVAL && !parts.isEmpty {
            parts.removeLast()
        }
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
