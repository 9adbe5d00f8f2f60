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

/// The options of an overlay mount as mount(8) writes them, taken apart.
struct OverlayOptions: Equatable {
    private(set) var lower: [String] = []
    private(set) var others: [MountPlan.Datum] = []
    private(set) var attributes: MountAttributes = []
    /// As one string for mount(2).
    private(set) var page = ""

    init(_ options: [String]) {
        var words: [String] = []
        for option in options {
            switch option {
            case "ro": attributes.insert(.readonly)
            case "nosuid": attributes.insert(.noSetUID)
            case "nodev": attributes.insert(.noDevices)
            case "noexec": attributes.insert(.noExecute)
            case "rw", "defaults": continue
            default:
                // A label has commas of its own; only in the one string they need to be told apart.
                let label = option.hasPrefix("context=") && option.utf8.contains(UInt8(ascii: ",")) ? option.dropFirst(8) : nil
                words.append(label.map { "context=\"\($0)\"" } ?? option)
                take(option)
            }
        }
        page = words.joined(separator: ",")
    }

    private mutating func take(_ option: String) {
        let halves = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2 else { return others.append(.init(key: option, value: nil)) }
        if halves[0] == "lowerdir" {
            lower = Self.layers(halves[1])
        } else {
            others.append(.init(key: halves[0], value: Self.plain(halves[1])))
        }
    }

    /// An entry of `mounts`, whose attributes are understood already.
    init(_ options: [String], _ attributes: MountAttributes) {
        self.init(options)
        self.attributes.formUnion(attributes)
    }

    /// Layer by layer with `lowerdir+` (Linux 6.7), for which no page limits what can be said; mount(2) where the kernel
    /// does not know that and everything fits into one.
    func attach(source: String, to place: borrowing FD, calls: KernelCalls = .all) throws(SysError) {
        do throws(SysError) {
            guard calls.contains(.overlayLayers) else { throw SysError(EINVAL, "mount overlay", on: "option lowerdir+") }
            try mount().attach(to: place, name: "")
        } catch  where error.errno == EINVAL && fitsOnePage {
            // Also when an option is wrong: then mount(2) says so once more.
            try mountPath(
                source.isEmpty ? "overlay" : source, on: "/proc/self/fd/\(place.raw)", type: "overlay", flags: attributes.mountFlags,
                data: page)
        }
    }

    /// The kernel's page, less the ending zero.
    var fitsOnePage: Bool { page.utf8.count < 4096 }

    private func mount() throws(SysError) -> FD {
        let fileSystem = try FileSystemContext(type: "overlay")
        // Open until the mount is made: what is too long for one option goes by its descriptor.
        var opened: [FDBox] = []
        try fileSystem.set("source", "overlay")
        for layer in lower { try fileSystem.set("lowerdir+", try Self.short(layer, &opened)) }
        for option in others {
            let value =
                option.key == "upperdir" || option.key == "workdir"
                ? try option.value.map { text throws(SysError) in try Self.short(text, &opened) } : option.value
            try fileSystem.set(option.key, value)
        }
        let made = try fileSystem.mount(attributes)
        withExtendedLifetime(opened) {}
        return made
    }

    /// fsconfig(2) takes at most 255 bytes a value.
    private static func short(_ path: String, _ opened: inout [FDBox]) throws(SysError) -> String {
        guard path.utf8.count > 255 else { return path }
        let place = FDBox(try FD.open(path, openPathOnly | O_DIRECTORY))
        opened.append(place)
        return "/proc/self/fd/\(place.raw)"
    }

    /// Layers are separated by colons; a backslash takes the next character as it is (overlayfs.rst).
    private static func layers(_ text: String) -> [String] {
        var result: [[UInt8]] = [[]]
        var escaped = false
        for byte in text.utf8 {
            if escaped || (byte != UInt8(ascii: "\\") && byte != UInt8(ascii: ":")) {
                result[result.count - 1].append(byte)
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else {
                result.append([])
            }
        }
        return result.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func plain(_ text: String) -> String { layers(text.replacingColons).joined() }
}

extension String {
    /// Colons escaped, so that taking layers apart only removes backslashes.
    fileprivate var replacingColons: String {
        var result: [UInt8] = []
        var escaped = false
        for byte in utf8 {
            if byte == UInt8(ascii: ":"), !escaped { result.append(UInt8(ascii: "\\")) }
            escaped = byte == UInt8(ascii: "\\") && !escaped
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
