internal import Glibc
internal import Images
internal import LinuxSys
internal import Messages

extension ContainerPlan {
    mutating func readMounts(_ mounts: [Runtime_V1_Mount], _ pod: Surroundings) throws(PluginError) {
        for (index, mount) in mounts.enumerated() { request.binds.append(try Self.bind(mount, "config.mounts[\(index)]")) }
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

    private static func bind(_ mount: Runtime_V1_Mount, _ field: String) throws(PluginError) -> BindRequest {
        guard isCleanPath(mount.containerPath), mount.containerPath != "/" else {
            throw .invalid(field: "\(field).container_path", reason: "must be absolute, without .., below /")
        }
        if mount.hasImage || !mount.imageSubPath.isEmpty { throw .unsupported(field: "\(field).image", what: "an image as a volume") }
        if mount.selinuxRelabel { throw .unsupported(field: "\(field).selinux_relabel", what: "SELinux") }
        if mount.recursiveReadOnly { throw .unsupported(field: "\(field).recursive_read_only", what: "a recursive read-only mount") }
        if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
            throw .unsupported(field: "\(field).uidMappings", what: "an id-mapped mount")
        }
        let known: Set = ["noexec", "nodev", "nosuid", "exec", "dev", "suid", "noatime", "relatime", "nodiratime"]
        if let other = mount.mountOptions.first(where: { !known.contains($0) }) {
            throw .unsupported(field: "\(field).mount_options", what: quoted(other))
        }
        let source = try resolve(mount.hostPath, "\(field).host_path")
        let options = try [propagation(mount.propagation, field)] + mount.mountOptions
        return BindRequest(source: source, destination: mount.containerPath, readOnly: mount.readonly, options: options)
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
