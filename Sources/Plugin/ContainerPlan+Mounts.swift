internal import Glibc
internal import Images
internal import LinuxSys
internal import Messages

extension ContainerPlan {
    mutating func readMounts(_ mounts: [Runtime_V1_Mount], _ pod: Surroundings) throws(PluginError) {
        for (index, mount) in mounts.enumerated() {
            let field = "config.mounts[\(index)]"
            if mount.hasImage {
                imageVolumes.append(
                    ImageVolumeRequest(bind: request.binds.count, image: mount.image.image, subPath: mount.imageSubPath, field: field))
            }
            request.binds.append(try Self.bind(mount, field, pod.abilities))
        }
        guard !request.binds.contains(where: { $0.destination == "/dev/shm" }) else { return }
        // Shared memory goes with the IPC namespace: one tmpfs for all containers of the pod, or the node's.
        switch pod.sandbox.ipc {
        case .pod:
            request.binds.append(
                BindRequest(source: pod.paths.sharedMemory, destination: "/dev/shm", options: ["nosuid", "nodev", "noexec"]))
        case .node: request.binds.append(BindRequest(source: "/dev/shm", destination: "/dev/shm"))
        case .container: break
        }
    }

    private static func bind(_ mount: Runtime_V1_Mount, _ field: String, _ abilities: NodeAbilities) throws(PluginError) -> BindRequest {
        guard isCleanPath(mount.containerPath), mount.containerPath != "/" else {
            throw .invalid(field: "\(field).container_path", reason: "must be absolute, without .., below /")
        }
        // A kubelet asks for labels without knowing whether there are any.
        if mount.selinuxRelabel && abilities.hasSELinux { throw .unsupported(field: "\(field).selinux_relabel", what: "changing labels") }
        let known: Set = ["noexec", "nodev", "nosuid", "exec", "dev", "suid", "noatime", "relatime", "nodiratime"]
        if let other = mount.mountOptions.first(where: { !known.contains($0) }) {
            throw .unsupported(field: "\(field).mount_options", what: quoted(other))
        }
        var options = try [propagation(mount.propagation, field)] + mount.mountOptions
        if mount.recursiveReadOnly {
            // CRI: only with these two.
            guard mount.readonly, mount.propagation == .propagationPrivate else {
                throw .invalid(field: "\(field).recursive_read_only", reason: "needs readonly and private propagation")
            }
            guard abilities.changesMountTrees else {
                throw .unsupported(field: "\(field).recursive_read_only", what: "a recursive read-only mount with a kernel before 5.12")
            }
            options.append("rro")
        }
        let source: String
        if mount.hasImage {
            try checkImage(mount, field)
            // Set once the image is mounted.
            source = "/"
        } else {
            guard mount.imageSubPath.isEmpty else { throw .invalid(field: "\(field).image_sub_path", reason: "goes with an image") }
            source = try resolve(mount.hostPath, "\(field).host_path")
        }
        var bind = BindRequest(
            source: source, destination: mount.containerPath, readOnly: mount.readonly || mount.hasImage, options: options)
        if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
            bind.idMap = IDMap(
                uids: try IDMap.checked(mount.uidMappings, "\(field).uidMappings"),
                gids: try IDMap.checked(mount.gidMappings, "\(field).gidMappings"))
        }
        return bind
    }

    private static func checkImage(_ mount: Runtime_V1_Mount, _ field: String) throws(PluginError) {
        guard !mount.image.image.isEmpty else { throw .invalid(field: "\(field).image.image", reason: "is empty") }
        guard mount.hostPath.isEmpty else { throw .invalid(field: "\(field).host_path", reason: "must be empty beside an image") }
        guard mount.uidMappings.isEmpty, mount.gidMappings.isEmpty else {
            throw .unsupported(field: "\(field).uidMappings", what: "a mapping of the ids of an image volume")
        }
        guard isCleanPath("/" + mount.imageSubPath) else {
            throw .invalid(field: "\(field).image_sub_path", reason: "must stay in the image")
        }
    }

    /// CRI: a host path that is not there is an error; a symbolic link is followed and its destination mounted.
    private static func resolve(_ path: String, _ field: String) throws(PluginError) -> String {
        guard path.hasPrefix("/") else { throw .invalid(field: field, reason: "must be absolute") }
        guard let found = unsafe realpath(path, nil) else {
            throw .invalid(field: field, reason: SysError(errno, "resolve", on: path).description)
        }
        defer { unsafe free(found) }
        return unsafe String(cString: found)
    }

    private static func propagation(_ mode: Runtime_V1_MountPropagation, _ field: String) throws(PluginError) -> String {
        switch mode {
        case .propagationPrivate: "rprivate"
        case .propagationHostToContainer: "rslave"
        case .propagationBidirectional: "rshared"
        case .UNRECOGNIZED(let number): throw .invalid(field: "\(field).propagation", reason: "\(number) is no mode")
        }
    }
}
