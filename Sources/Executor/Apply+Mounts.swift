import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    /// The rootfs as a mount of its own, or, without a mount namespace, as the directory that it is.
    mutating func openRoot(_ isolation: RootIsolation) throws(SysError) {
        let path = context.rootPath
        guard isolation == .mount else {
            root = RootDirectory(try FD.open(path, openPathOnly | O_DIRECTORY))
            return
        }
        // With the ids of a user namespace the way there may be closed: the executor has left this process in it.
        if !context.isInRoot, context.spec.mountsMayBeShared { try privatizeMount(holding: path) }
        let place = try FD.open(context.isInRoot ? "." : path, openPathOnly | O_DIRECTORY)
        let copy = try place.mountCopy(.recursive, name: path)
        try copy.attach(to: place, name: path)
        // What the host mounts below its own copy later does not concern the container.
        do {
            try mountPath(nil, on: "/proc/self/fd/\(copy.raw)", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        } catch { throw SysError(error.errno, "mount slave", on: path) }
        root = RootDirectory(copy)
    }

    func mount(_ plan: MountPlan) throws(SysError) {
        switch plan.kind {
        case .bind: try bind(plan)
        case .fileSystem("overlay", let source): try mountOverlay(plan, source)
        case .fileSystem(let type, let source): try mountFileSystem(plan, type: type, source: source)
        case .cgroup(let tree): try mountCgroup(plan, tree)
        case .remount(let what): try remount(plan, what)
        }
    }

    private func bind(_ plan: MountPlan) throws(SysError) {
        guard let source = context.sources.mounts[plan.number] else { throw SysError(EBADF, "bind", on: plan.destination) }
        let isDirectory = try source.fd.info(name: plan.destination).isDirectory
        let isProc = try source.fd.fileSystem().magic == FileSystemInfo.procMagic
        try plan.settle(source.fd, on: try place(of: plan, isDirectory: isDirectory, bindsProc: isProc))
    }

    private func mountFileSystem(_ plan: MountPlan, type: String, source: String) throws(SysError) {
        let place = try place(of: plan, isDirectory: true)
        let made: FD
        do { made = try newFileSystem(plan, type, source, over: place) } catch {
            let detail = error.operation == "mount \(type)" ? ", \(error.subject)" : ""
            throw SysError(error.errno, "mount \(type)", on: plan.destination + detail + hint(type, error))
        }
        if plan.copiesUp { try TreeCopy.copy(from: place, to: made, name: plan.destination) }
        try made.attach(to: place, name: plan.destination)
        if type == "mqueue", let label = context.spec.linux.mountLabel { try labelRoot(of: made, label, plan.destination) }
        try plan.propagate(made)
    }

    private func newFileSystem(_ plan: MountPlan, _ type: String, _ source: String, over place: borrowing FD) throws(SysError) -> FD {
        let fileSystem = try FileSystemContext(type: type)
        try fileSystem.set("source", source)
        if type == "tmpfs" { try takeOver(plan, place, fileSystem) }
        for setting in plan.settings(of: type, label: context.spec.linux.mountLabel) {
            do { try fileSystem.set(setting.key, setting.value) } catch
                where error.errno == EINVAL && setting == MountPlan.Datum(key: "iversion", value: nil)
            {
                // A file system that has its own way with versions of inodes.
            }
        }
        return try fileSystem.mount(plan.set)
    }

    /// A tmpfs is as open as what it covers, and a copy of that belongs to the same user, if nothing else is said.
    private func takeOver(_ plan: MountPlan, _ place: borrowing FD, _ fileSystem: borrowing FileSystemContext) throws(SysError) {
        let info = try place.info(name: plan.destination)
        func set(_ key: String, _ value: String) throws(SysError) {
            if !plan.data.contains(where: { $0.key == key }) { try fileSystem.set(key, value) }
        }
        try set("mode", octal(info.mode & 0o7777))
        guard plan.copiesUp else { return }
        try set("uid", "\(info.uid)")
        try set("gid", "\(info.gid)")
    }

    /// By hand: the standard library's way for any base is generic, and its first use costs as much as making the mount.
    private func octal(_ number: UInt32) -> String { number < 8 ? "\(number)" : octal(number >> 3) + "\(number & 7)" }

    private func labelRoot(of mount: borrowing FD, _ label: String, _ name: String) throws(SysError) {
        let opened = try mount.open(".", O_RDONLY | O_DIRECTORY, resolve: .beneath)
        do { try opened.setAttribute(ExtendedAttribute(name: "security.selinux", value: Array(label.utf8))) } catch {
            throw SysError(error.errno, "set mountLabel", on: name)
        }
    }

    /// What the kernel's EPERM does not say.
    private func hint(_ type: String, _ error: SysError) -> String {
        guard type == "sysfs", error.errno == EPERM, context.spec.linux.namespace(.user) != nil else { return "" }
        return context.spec.linux.namespace(.network) == nil
            ? " (in a user namespace it needs a network namespace of its own; the host's /sys can be bound)" : ""
    }

    private func mountOverlay(_ plan: MountPlan, _ source: String) throws(SysError) {
        let place = try place(of: plan, isDirectory: true)
        let settings = plan.settings(of: "overlay", label: context.spec.linux.mountLabel)
        let options = OverlayOptions(settings.map { datum in datum.value.map { "\(datum.key)=\($0)" } ?? datum.key }, plan.set)
        do { try options.attach(source: source, to: place) } catch {
            throw SysError(
                error.errno, "mount overlay", on: error.subject.isEmpty ? plan.destination : "\(plan.destination), \(error.subject)")
        }
        if !plan.propagation.isEmpty { try plan.propagate(try root.find(plan.destination)) }
    }

    private func remount(_ plan: MountPlan, _ what: MountPlan.Remount) throws(SysError) {
        let mounted = try root.find(plan.destination)
        switch what {
        case .mount:
            do { try plan.resettle(mounted) } catch { throw SysError(error.errno, "remount", on: plan.destination) }
        case .fileSystem:
            let data = plan.data.map { datum in datum.value.map { "\(datum.key)=\($0)" } ?? datum.key }.joined(separator: ",")
            let flags = plan.set.mountFlags | plan.common.flags | MountFlag.remount
            do {
                try mountPath(nil, on: "/proc/self/fd/\(mounted.raw)", flags: flags, data: data.isEmpty ? nil : data)
            } catch { throw SysError(error.errno, "remount", on: plan.destination) }
            try plan.propagate(mounted)
        }
    }

    /// The place of a mount, made when it is missing. To /proc and /sys no link may lead (CVE-2019-19921).
    func place(of plan: MountPlan, isDirectory: Bool, bindsProc: Bool = false) throws(SysError) -> FD {
        var isPlain = ["/proc", "/sys"].contains(plan.destination)
        if case .fileSystem("proc", _) = plan.kind { isPlain = true }
        if case .fileSystem("sysfs", _) = plan.kind { isPlain = true }
        let found =
            if isPlain, isDirectory {
                try root.makePlainDirectory(plan.destination)
            } else if isDirectory { try root.makeDirectory(plan.destination) } else { try root.makeFile(plan.destination) }
        try checkPlace(found, of: plan, bindsProc: bindsProc)
        return found
    }

    /// Links may have led into /proc.
    private func checkPlace(_ place: borrowing FD, of plan: MountPlan, bindsProc: Bool) throws(SysError) {
        let isProc = try place.fileSystem().magic == FileSystemInfo.procMagic
        guard isProc || plan.destination == "/proc" else { return }
        let path = isProc ? try pathInRoot(of: place) : plan.destination
        guard let reason = plan.refusal(at: path, bindsProc: bindsProc) else { return }
        throw SysError(EPERM, "mount", on: path == plan.destination ? reason : "\(plan.destination): \(reason)")
    }

    /// As the kernel names it, counted from the rootfs.
    private func pathInRoot(of place: borrowing FD) throws(SysError) -> String {
        let path = try place.path()
        guard path.hasPrefix("\(context.rootPath)/") else { return path }
        return String(path.dropFirst(context.rootPath.utf8.count))
    }
}

extension RuntimeSpec {
    /// What the container's process finds mounted may be shared with others: in a namespace that it joins, or because that is asked for.
    /// Elsewhere all was made slave or private when the namespace was made.
    fileprivate var mountsMayBeShared: Bool { linux.namespace(.mount)?.path != nil || linux.rootfsPropagation?.kernel == .shared }
}

/// Makes the mount that holds `path` private in this mount namespace: a mount made below a shared one would appear on the
/// host. It is found by asking upwards: only a mount point can be changed, anything else is EINVAL (mount(2)).
func privatizeMount(holding path: String) throws(SysError) {
    var parts = PathComponents(path).parts
    while true {
        let place = parts.isEmpty ? "/" : rootedPath(parts)
        do {
            try mountPath(nil, on: place, flags: MountPropagation.private.rawValue)
            return
        } catch  where error.errno == EINVAL && !parts.isEmpty {
            parts.removeLast()
        }
    }
}
