import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    /// Nodes are made relative to a descriptor of their directory, to which no link may lead (CVE-2026-41579).
    func makeDevice(_ plan: DevicePlan) throws(SysError) {
        let device = plan.device
        var parts = PathComponents(device.path).parts
        guard let name = parts.popLast() else { throw SysError(EINVAL, "mknod", on: device.path) }
        let directory = try deviceDirectory(rootedPath(parts))
        switch plan.making {
        case .node: try makeNode(device, name, in: directory.fd)
        case .bind:
            guard let source = context.sources.devices[device.path] else { throw SysError(ENODEV, "bind", on: device.path) }
            try bindNode(device, from: source.fd, name, in: directory.fd)
        }
    }

    /// Nearly all nodes and links are for /dev, one step after the other, when every mount is made: it is looked up once.
    private func deviceDirectory(_ path: String) throws(SysError) -> FDBox {
        if let known = context.deviceDirectory, known.path == path { return known.place }
        let place = FDBox(try root.makePlainDirectory(path))
        context.deviceDirectory = SetupContext.OpenDirectory(path: path, place: place)
        return place
    }

    private func makeNode(_ device: DeviceSpec, _ name: String, in directory: borrowing FD) throws(SysError) {
        let mode = device.kind.fileType | (device.fileMode ?? 0o666)
        do {
            try named(device.path) { () throws(SysError) in
                try directory.makeNode(name, mode: mode, major: device.major, minor: device.minor)
            }
        } catch  where error.errno == EEXIST {
            // config-linux.md, "Devices": what is there must be the device that was asked for.
            let found = try directory.open(name, openPathOnly | O_NOFOLLOW, resolve: .beneath).info(name: device.path)
            guard device.matches(found) else { throw device.mismatch(found) }
            return
        } catch  where error.errno == EPERM && context.spec.linux.namespace(.mount) != nil {
            // Root of a user namespace may make none (mknod(2)); until the root is entered the host's own is to be seen.
            guard let source = try? FD.mountCopy(of: device.path, .single) else { throw error }
            return try bindNode(device, from: source, name, in: directory)
        }
        if device.uid != nil || device.gid != nil {
            try named(device.path) { () throws(SysError) in try directory.setOwner(name, uid: device.uid ?? 0, gid: device.gid ?? 0) }
        }
    }

    private func bindNode(_ device: DeviceSpec, from source: borrowing FD, _ name: String, in directory: borrowing FD) throws(SysError) {
        let found = try source.info(name: device.path)
        guard device.matches(found) else { throw device.mismatch(found) }
        try source.attach(to: try emptyFile(name, in: directory, path: device.path), name: device.path)
    }

    /// A regular file or node to bind over; a link is not followed.
    private func emptyFile(_ name: String, in directory: borrowing FD, path: String) throws(SysError) -> FD {
        do {
            _ = try directory.open(name, O_CREAT | O_EXCL | O_RDONLY, mode: 0o644, resolve: .beneath)
        } catch  where error.errno == EEXIST {
            // Whatever it is, it is covered.
        }
        let file = try directory.open(name, openPathOnly | O_NOFOLLOW, resolve: .plain)
        guard try !file.info(name: path).isSymlink else { throw SysError(ELOOP, "open", on: path) }
        return file
    }

    func linkDevice(_ name: String, to target: String) throws(SysError) {
        let directory = try deviceDirectory("/dev")
        do {
            try named("/dev/\(name)") { () throws(SysError) in try directory.fd.makeSymlink(name, to: target) }
        } catch  where error.errno == EEXIST {
            // An image's own link of that name may point where it likes, save for ptmx: the host's must not be used.
            guard name == "ptmx", (try? directory.fd.readLink(name)) != target else { return }
            try named("/dev/\(name)") { () throws(SysError) in
                try directory.fd.remove(name)
                try directory.fd.makeSymlink(name, to: target)
            }
        }
    }

    /// Opens a pty of the container's own devpts; its other side comes from the master, not from a path (CVE-2025-52565).
    mutating func openConsole(_ plan: ConsolePlan) throws(SysError) {
        let multiplexer = "/dev/pts/ptmx"
        let master = try root.fd.open("dev/pts/ptmx", O_RDWR | O_NOCTTY, resolve: .plain)
        guard try master.fileSystem().magic == FileSystemInfo.devptsMagic else {
            throw SysError(ENOTTY, "open", on: "\(multiplexer) (must be a devpts)")
        }
        let peer = try master.terminalPeer()
        if plan.rows > 0 || plan.columns > 0 { try master.setWindow(rows: plan.rows, columns: plan.columns) }
        if plan.atDevConsole {
            let directory = try root.makePlainDirectory("/dev")
            let place = try emptyFile("console", in: directory, path: "/dev/console")
            try peer.mountCopy(.single, name: "/dev/console").attach(to: place, name: "/dev/console")
        }
        try context.link.send(.console, fds: [master.raw])
        terminal = FDBox(peer)
    }

    private func named(_ path: String, _ body: () throws(SysError) -> Void) throws(SysError) {
        do { try body() } catch { throw SysError(error.errno, error.operation, on: path) }
    }
}

extension DeviceSpec {
    fileprivate func matches(_ found: FileInfo) -> Bool {
        found.kind == kind.fileType && (kind == .fifo || (found.major == major && found.minor == minor))
    }

    fileprivate func mismatch(_ found: FileInfo) -> SysError {
        let what =
            switch found.kind {
            case 0o020000: "character device \(found.major):\(found.minor)"
            case 0o060000: "block device \(found.major):\(found.minor)"
            case 0o010000: "a fifo"
            case 0o040000: "a directory"
            case 0o120000: "a link"
            default: "a file"
            }
        return SysError(EEXIST, "mknod", on: "\(path) (\(what) is there)")
    }
}

extension DeviceSpec.Kind {
    /// S_IF* of mknod(2).
    var fileType: UInt32 {
        switch self {
        case .character, .unbuffered: 0o020000
        case .block: 0o060000
        case .fifo: 0o010000
        }
    }
}
