import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    mutating func isolateRoot() throws(SysError) {
        let path = context.rootPath
        try privatizeMount(holding: path)
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
        try plan.settle(source.fd, on: try target(plan.destination, isDirectory: isDirectory))
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
            throw SysError(
                error.errno, "mount \(type)",
                on: error.operation == "mount \(type)" ? "\(plan.destination), \(error.subject)" : plan.destination)
        }
        try made.attach(to: place, name: plan.destination)
        try plan.propagate(made)
    }

    func target(_ path: String, isDirectory: Bool) throws(SysError) -> FD {
        isDirectory ? try root.makeDirectory(path) : try root.makeFile(path)
    }

}

/// Makes the mount that holds `path` private in this mount namespace: a mount made below a shared one would appear on the
/// host. It is found by asking upwards: only a mount point can be changed, anything else is EINVAL (mount(2)).
func privatizeMount(holding path: String) throws(SysError) {
    var parts = PathComponents(path).parts
    while true {
        let place = "/" + parts.joined(separator: "/")
        do {
            try mountPath(nil, on: place, flags: MountPropagation.private.rawValue)
            return
        } catch  where error.errno == EINVAL && !parts.isEmpty {
            parts.removeLast()
        }
    }
}
