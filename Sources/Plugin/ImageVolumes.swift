internal import Glibc
internal import Images
internal import LinuxSys
internal import OCI

/// Images as volumes of a pod's containers: each is mounted once in the pod's directory, read-only, until the pod ends.
enum ImageVolumes {
    /// For the layers of a running pod; released when it is removed.
    private static let leaseSeconds: UInt64 = 10 * 365 * 86_400

    /// The place of the volume on the node.
    static func source(_ wanted: ContainerPlan.ImageVolumeRequest, _ paths: SandboxPaths, pod: String, _ store: Store) throws -> String {
        let image = try store.image(wanted.image)
        let root = "\(paths.images)/\(image.id.drop { $0 != ":" }.dropFirst())"
        try Directory.make(root, mode: 0o700)
        if try !isMounted(root) {
            try keep(image, for: pod, store)
            try mount(store.layerLinks(of: image), at: root, image.displayName)
        }
        guard !wanted.subPath.isEmpty else { return root }
        do throws(SysError) {
            // Links of the image stay in the image.
            let place = try FD.open(root, openPathOnly | O_DIRECTORY).open(wanted.subPath, openPathOnly, resolve: .asRoot)
            return try place.path()
        } catch {
            throw PluginError.invalid(field: "\(wanted.field).image_sub_path", reason: "\(quoted(wanted.subPath)): \(error.reason)")
        }
    }

    private static func note(_ pod: String) -> String { "volumes of pod \(pod)" }

    private static func keep(_ image: ImageRecord, for pod: String, _ store: Store) throws {
        let lease = try store.lease(note(pod), seconds: leaseSeconds)
        for chain in image.chain {
            if let digest = Digest(chain) { try store.add(snapshot: digest, to: lease) }
        }
    }

    /// Once nothing of the pod is mounted.
    static func release(pod: String, _ store: Store) throws {
        for lease in try store.leases() where lease.note == note(pod) { try store.release(lease) }
    }

    /// A bind mount in one file system shows the same device: the kernel's list of mounts knows.
    private static func isMounted(_ path: String) throws(SysError) -> Bool {
        let text = String(decoding: try FD.open("/proc/self/mountinfo", O_RDONLY).readAll(limit: 64 << 20), as: UTF8.self)
        return text.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            return fields.count > 4 && fields[4] == path
        }
    }

    /// How several layers are told to the kernel.
    enum LayerOptions: CaseIterable {
        /// `lowerdir+`, Linux 6.7: any number that overlayfs takes.
        case oneByOne
        /// All in one option, which with all else fills a page at most.
        case together
    }

    /// `layers`: topmost first.
    private static func mount(_ layers: [String], at path: String, _ name: String) throws(SysError) {
        guard layers.count > 1 else {
            // An overlay of one layer alone is refused by the kernel.
            let made = try FD.mountCopy(of: layers[0], .single)
            try made.changeMount(set: [.readonly, .noDevices, .noSetUID], .single, name: name)
            return try made.attach(to: FD.open(path, openPathOnly | O_DIRECTORY), name: path)
        }
        do throws(SysError) { try mountOverlay(of: layers, at: path, .oneByOne) } catch  where error.errno == EINVAL {
            try mountOverlay(of: layers, at: path, .together)
        }
    }

    static func mountOverlay(of layers: [String], at path: String, _ options: LayerOptions) throws(SysError) {
        switch options {
        case .oneByOne:
            let overlay = try FileSystemContext(type: "overlay")
            try overlay.set("source", "swiftlet")
            for layer in layers { try overlay.set("lowerdir+", layer) }
            let made = try overlay.mount([.readonly, .noDevices, .noSetUID])
            try made.attach(to: FD.open(path, openPathOnly | O_DIRECTORY), name: path)
        case .together:
            let page = "lowerdir=" + layers.joined(separator: ":")
            guard page.utf8.count < 4096 else { throw SysError(E2BIG, "mount overlay", on: "\(layers.count) layers before Linux 6.7") }
            let flags = MountFlag.readonly | MountFlag.noDevices | MountFlag.noSetUID
            try mountPath("swiftlet", on: path, type: "overlay", flags: flags, data: page)
        }
    }
}
