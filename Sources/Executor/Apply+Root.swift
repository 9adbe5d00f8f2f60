import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    /// pivot_root(2) with both arguments the same directory stacks the old root over the new one, where it is detached:
    /// no directory for it is needed in the image.
    mutating func enterRoot(_ entry: RootEntry) throws(SysError) {
        let old = try FD.open("/", openPathOnly | O_DIRECTORY)
        try root.fd.makeCurrentDirectory(name: context.rootPath)
        switch entry {
        case .pivot:
            try pivotRoot(".", ".")
            try old.makeCurrentDirectory(name: "the old root")
            // Before it goes: an unmount must not spread to the host.
            try mountPath(nil, on: ".", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
            try detachMount(".")
        case .move:
            try mountPath(".", on: "/", flags: MountFlag.move)
            try changeRoot(".")
        }
        try FD.open("/", openPathOnly | O_DIRECTORY).makeCurrentDirectory(name: "/")
        root = RootDirectory(try FD.open("/", openPathOnly | O_DIRECTORY))
    }

    /// config-linux.md, "Rootfs Mount Propagation".
    func setRootPropagation(_ kind: Propagation) throws(SysError) {
        let flags = kind.kernel.rawValue | (kind.isRecursive ? MountFlag.recursive : 0)
        try mountPath(nil, on: "/", flags: flags)
    }

    /// A path that is not there needs no protection.
    func makeReadonly(_ path: String) throws(SysError) {
        if PathComponents(path).parts.isEmpty { return try makeMountReadonly(root.find("/"), .single, name: "/") }
        guard let place = try root.findIfPresent(path) else { return }
        if path == "/dev" { return try makeMountReadonly(place, .single, name: path) }
        let copy = try place.mountCopy(.recursive, name: path)
        do {
            try copy.changeMount(set: .readonly, .recursive, name: path)
            try copy.attach(to: place, name: path)
        } catch  where error.errno == ENOSYS {
            try copy.attach(to: place, name: path)
            try OldKernel.change(copy, set: .readonly, clear: [], name: path)
        }
    }

    func makeMountReadonly(_ mount: borrowing FD, _ scope: MountScope, name: String) throws(SysError) {
        do {
            try mount.changeMount(set: .readonly, scope, name: name)
        } catch  where error.errno == ENOSYS {
            try OldKernel.change(mount, set: .readonly, clear: [], name: name)
        }
    }

    /// A directory is covered by an empty read-only file system, anything else by /dev/null.
    func mask(_ path: String) throws(SysError) {
        guard let place = try root.findIfPresent(path) else { return }
        if try place.info(name: path).isDirectory {
            let fileSystem = try FileSystemContext(type: "tmpfs")
            try fileSystem.set("source", "tmpfs")
            try fileSystem.set("nr_blocks", "1")
            try fileSystem.set("mode", "0555")
            return try fileSystem.mount([.readonly, .noSetUID, .noDevices, .noExecute]).attach(to: place, name: path)
        }
        let null = try nullDevice()
        try null.mountCopy(.single, name: "/dev/null").attach(to: place, name: path)
    }

    /// The container's /dev/null, which must be that device and nothing that an image put there (CVE-2025-31133).
    func nullDevice() throws(SysError) -> FD {
        let null = try root.fd.open("dev/null", openPathOnly, resolve: [.beneath, .noSymlinks])
        let info = try null.info(name: "/dev/null")
        guard info.isCharacterDevice, info.major == 1, info.minor == 3 else {
            throw SysError(ENODEV, "open", on: "/dev/null (must be character device 1:3)")
        }
        return null
    }
}
