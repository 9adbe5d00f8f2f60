import Glibc
internal import LinuxSys
internal import OCI

/// The root file system as mounts that the supervisor was handed (containerd.types.Mount), made in the mount namespace
/// that becomes the container's: the host never sees them.
enum RootfsMounts {
    /// First to last. `path` is the rootfs. `users` makes the maps of layers that are to be seen with other ids.
    static func make(
        _ mounts: [RootfsMount], at path: String, calls: KernelCalls = .all, users: UserNamespaces? = nil
    ) throws(ExecutorFailure) {
        guard !mounts.isEmpty else { return }
        try sys { () throws(SysError) in try privatizeMount(holding: path) }
        for (number, given) in mounts.enumerated() {
            var mount = given
            if mount.type == "overlay" {
                do { try MappedLayers.place(&mount.options, at: path, users) } catch { throw failure(error, mount, path) }
            }
            let root = RootDirectory(try sys { () throws(SysError) in try FD.open(path, openPathOnly | O_DIRECTORY) })
            let place = try sys { () throws(SysError) in mount.target.isEmpty ? try root.find("/") : try root.makeDirectory(mount.target) }
            if mount.type == "overlay" {
                do { try OverlayOptions(mount.options).attach(source: mount.source, to: place, calls: calls) } catch {
                    throw failure(error, mount, path)
                }
                continue
            }
            try checkType(mount, number)
            do {
                let device = try loopDevice(mount)
                let options = mount.options.filter { device == nil || $0 != "loop" }
                let spec = MountSpec(destination: "/rootfs", type: mount.type, source: device?.path ?? mount.source, options: options)
                let plan = try MountPlan(spec, number: number, field: "rootfs[\(number)]", bundle: path)
                try sys { () throws(SysError) in try make(plan, on: place) }
                withExtendedLifetime(device) {}
            } catch {
                guard error.errno != 0 else { throw error }
                throw failure(SysError(error.errno, error.operation, on: error.subject), mount, path)
            }
        }
    }

    /// An image in a file, as the snapshotters blockfile and erofs hand it out.
    private static func loopDevice(_ mount: RootfsMount) throws(ExecutorFailure) -> LoopDevice? {
        guard mount.options.contains("loop") else { return nil }
        return try sys { () throws(SysError) in try LoopDevice(mount.source, mount.options.contains("ro") ? .readOnly : .readWrite) }
    }

    /// A file system of a process of its own would have that process in the container.
    private static func checkType(_ mount: RootfsMount, _ number: Int) throws(ExecutorFailure) {
        guard mount.type.hasPrefix("fuse.") || mount.type.hasPrefix("fuse3.") else { return }
        throw ExecutorFailure(
            operation: "mount \(mount.type)", subject: "rootfs[\(number)]",
            reason: "a file system that a process serves has to be mounted before the container is made")
    }

    private static func failure(_ error: SysError, _ mount: RootfsMount, _ path: String) -> ExecutorFailure {
        ExecutorFailure(SysError(error.errno, "mount \(mount.type)", on: "\(path)\(error.subject.isEmpty ? "" : ", \(error.subject)")"))
    }

    private static func make(_ plan: MountPlan, on place: borrowing FD) throws(SysError) {
        let made: FD
        switch plan.kind {
        case .bind(let source, let scope): made = try FD.mountCopy(of: source, scope)
        case .cgroup, .remount: throw SysError(EINVAL, "mount")
        case .fileSystem(let type, let source):
            let fileSystem = try FileSystemContext(type: type)
            try fileSystem.set("source", source)
            for datum in plan.data { try fileSystem.set(datum.key, datum.value) }
            // Also of the file system itself, as mount(2) has it: its device may not be writable.
            if plan.set.contains(.readonly) { try fileSystem.set("ro", nil) }
            made = try fileSystem.mount(plan.set)
        }
        try plan.settle(made, on: place)
    }
}
