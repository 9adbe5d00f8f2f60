import Glibc
internal import LinuxSys
package import OCI

/// What must stand before criu restores the processes of a container: its root as a mount point of its own, with a place for every
/// mount of the bundle (criu(8), `--root`), and the hooks that a creation would have run.
package enum RestoredRoot {
    /// Leaves the caller in a mount namespace of its own, from which nothing spreads to the host: what is mounted there goes with it.
    ///
    /// - Parameter rootfs: mounts that make up the root of the bundle.
    package static func prepare(_ spec: RuntimeSpec, bundle: String, rootfs: [RootfsMount] = [], at place: String) throws(ExecutorFailure) {
        let rootPath = try Bundle.rootPath(spec.root.path, bundle: bundle)
        try sys { () throws(SysError) in
            try unshareNamespaces(.newMount, name: "mount")
            try mountPath(nil, on: "/", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        }
        try RootfsMounts.make(rootfs, at: rootPath)
        try sys { () throws(SysError) in
            try FD.mountCopy(of: rootPath, .recursive).attach(to: FD.open(place, openPathOnly | O_DIRECTORY), name: place)
            let root = RootDirectory(try FD.open(place, openPathOnly | O_DIRECTORY))
            for mount in spec.mounts where !isBelowMemory(mount, spec) { try makePlace(mount, bundle: bundle, in: root) }
        }
    }

    /// criu has mounts of its own by then; here it would keep the directory from being removed. Fine when nothing is mounted.
    package static func leave(_ place: String) { try? detachMount(place) }

    /// What is in a tmpfs comes back with it.
    private static func isBelowMemory(_ mount: MountSpec, _ spec: RuntimeSpec) -> Bool {
        spec.mounts.contains { $0.type == "tmpfs" && mount.destination.hasPrefix("\($0.destination)/") }
    }

    private static func makePlace(_ mount: MountSpec, bundle: String, in root: RootDirectory) throws(SysError) {
        let isBound = mount.type == "bind" || mount.options.contains("bind") || mount.options.contains("rbind")
        guard isBound, let source = mount.source else {
            _ = try root.makeDirectory(mount.destination)
            return
        }
        let path = source.hasPrefix("/") ? source : "\(bundle)/\(source)"
        if try FD.open(path, openPathOnly).info(name: path).isDirectory {
            _ = try root.makeDirectory(mount.destination)
        } else {
            _ = try root.makeFile(mount.destination)
        }
    }

    /// The runtime's hooks, in the order of a creation.
    package static func runHooks(_ spec: RuntimeSpec, state: ContainerState) throws(ExecutorFailure) {
        try Hooks.run(.prestart, spec.hooks, state: state)
        try Hooks.run(.createRuntime, spec.hooks, state: state)
    }
}
