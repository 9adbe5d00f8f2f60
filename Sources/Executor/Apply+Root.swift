import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    mutating func enterRoot(_ entry: RootEntry) throws(SysError) {
        switch entry {
        case .pivot: try pivot()
        case .move:
            try closeOtherViews()
            try root.fd.makeCurrentDirectory(name: context.rootPath)
            try mountPath(".", on: "/", flags: MountFlag.move)
            try changeRoot(".")
        case .changeRoot:
            try root.fd.makeCurrentDirectory(name: context.rootPath)
            try changeRoot(".")
        }
        try FD.open("/", openPathOnly | O_DIRECTORY).makeCurrentDirectory(name: "/")
        root = RootDirectory(try FD.open("/", openPathOnly | O_DIRECTORY))
    }

    /// pivot_root(2) with both arguments the same directory stacks the old root over the new one, where it is detached:
    /// no directory for it is needed in the image.
    private func pivot() throws(SysError) {
        let old = try FD.open("/", openPathOnly | O_DIRECTORY)
        try root.fd.makeCurrentDirectory(name: context.rootPath)
        try pivotRoot(".", ".")
        try old.makeCurrentDirectory(name: "the old root")
        // Before it goes: an unmount must not spread to the host.
        try mountPath(nil, on: ".", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        try detachMount(".")
    }

    /// After a move the old root's mounts are still there behind the new one. While a whole procfs or sysfs is among them the
    /// kernel would let a process mount a new one without the container's masks (mount_too_revealing), so they go first.
    private func closeOtherViews() throws(SysError) {
        let text = try FD.open("/proc/self/mountinfo", O_RDONLY).readAll(limit: 16 << 20)
        for mount in MountTable.views(String(decoding: text, as: UTF8.self)) where !mount.hasPrefix("\(context.rootPath)/") {
            do {
                try mountPath(nil, on: mount, flags: MountPropagation.slave.rawValue | MountFlag.recursive)
            } catch  where error.errno == ENOENT || error.errno == EINVAL {
                // It went with one above it.
                continue
            }
            do { try detachMount(mount) } catch  where error.errno == EINVAL || error.errno == EPERM {
                // Locked, in a user namespace: covered instead.
                try mountPath("tmpfs", on: mount, type: "tmpfs", flags: 0)
            }
        }
    }

    /// config-linux.md, "Rootfs Mount Propagation".
    func setRootPropagation(_ kind: Propagation) throws(SysError) {
        let flags = kind.kernel.rawValue | (kind.isRecursive ? MountFlag.recursive : 0)
        try mountPath(nil, on: "/", flags: flags)
    }

    /// A path that is not there needs no protection.
    func makeReadonly(_ path: String) throws(SysError) {
        if PathComponents(path).parts.isEmpty { return try makeMountReadonly(path) }
        guard let place = try root.findIfPresent(path) else { return }
        try Self.coverReadonly(place, name: path)
    }

    static func coverReadonly(_ place: borrowing FD, name: String, calls: KernelCalls = .all) throws(SysError) {
        let copy = try place.mountCopy(.recursive, name: name)
        do {
            try copy.change(set: .readonly, .recursive, name: name, calls: calls)
            try copy.attach(to: place, name: name)
        } catch  where error.errno == ENOSYS {
            try copy.attach(to: place, name: name)
            try OldKernel.change(copy, set: .readonly, clear: [], name: name)
        }
    }

    func makeMountReadonly(_ path: String) throws(SysError) { try Self.makeReadonly(try root.find(path), name: path) }

    static func makeReadonly(_ mount: borrowing FD, name: String, calls: KernelCalls = .all) throws(SysError) {
        do { try mount.change(set: .readonly, .single, name: name, calls: calls) } catch  where error.errno == ENOSYS {
            try OldKernel.change(mount, set: .readonly, clear: [], name: name)
        }
    }

    /// A directory is covered by an empty read-only file system, anything else by /dev/null.
    func mask(_ path: String) throws(SysError) {
        guard let place = try root.findIfPresent(path) else { return }
        if try place.info(name: path).isDirectory {
            if let empty = context.emptyDirectory { return try empty.fd.mountCopy(.single, name: path).attach(to: place, name: path) }
            let empty = FDBox(try makeEmptyDirectory())
            try empty.fd.attach(to: place, name: path)
            context.emptyDirectory = empty
            return
        }
        let null = try nullDevice()
        try null.mountCopy(.single, name: "/dev/null").attach(to: place, name: path)
    }

    private func makeEmptyDirectory() throws(SysError) -> FD {
        let fileSystem = try FileSystemContext(type: "tmpfs")
        try fileSystem.set("source", "tmpfs")
        try fileSystem.set("nr_blocks", "1")
        try fileSystem.set("mode", "0555")
        if let label = context.spec.linux.mountLabel { try fileSystem.set("context", label) }
        return try fileSystem.mount(.inert)
    }

    /// The container's /dev/null, which must be that device and nothing that an image put there (CVE-2025-31133).
    func nullDevice() throws(SysError) -> FD {
        let null = try root.fd.open("dev/null", openPathOnly, resolve: .plain)
        let info = try null.info(name: "/dev/null")
        guard info.isCharacterDevice, info.major == 1, info.minor == 3 else {
            throw SysError(ENODEV, "open", on: "/dev/null (must be character device 1:3)")
        }
        return null
    }
}

/// /proc/self/mountinfo (proc(5)).
enum MountTable {
    /// Where whole procfs and sysfs file systems are mounted.
    static func views(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let head = halves[0].split(separator: " ")
            guard head.count > 4, head[3] == "/", halves[1].hasPrefix("proc ") || halves[1].hasPrefix("sysfs ") else { return nil }
            return mountTableText(Array(head[4].utf8)[...])
        }
    }
}
