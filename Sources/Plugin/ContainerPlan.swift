package import Images
package import Messages
package import OCI

/// What a ContainerConfig asks for inside its sandbox, checked, as a bundle request and what lies outside the bundle.
package struct ContainerPlan: Sendable {
    package var name: String
    package var attempt: UInt32
    package var request: BundleRequest
    /// Absolute; empty: no log.
    package var logPath: String
    package var stopSignal: Int32
    /// Devices of the host, which a bundle request does not carry.
    package var devices: [DeviceRequest] = []
    /// Qualified names.
    package var cdiDevices: [String] = []
    /// Binds of the request whose source is an image, which has to be mounted first.
    package var imageVolumes: [ImageVolumeRequest] = []

    package var runtimeOptions = RuntimeOptions()

    /// What the shim is told of how to run it.
    package struct RuntimeOptions: Equatable, Sendable {
        /// The cgroup is a unit of systemd's.
        package var isSystemd = false
        /// Nil: the built-in executor.
        package var other: PluginSettings.OtherRuntime?

        package init(isSystemd: Bool = false, other: PluginSettings.OtherRuntime? = nil) {
            self.isSystemd = isSystemd
            self.other = other
        }
    }

    package struct ImageVolumeRequest: Equatable, Sendable {
        /// Of `request.binds`.
        package var bind: Int
        package var image: String
        /// In the image; empty: all of it.
        package var subPath: String
        /// Of the mount, for messages.
        package var field: String
    }

    package struct DeviceRequest: Equatable, Sendable {
        package var source: String
        package var destination: String
        /// Of `rwm`.
        package var permissions: String
    }

    /// Where the namespaces of the pod are pinned, and what else a container takes from its pod.
    package struct Surroundings: Sendable {
        package var sandbox: SandboxPlan
        package var paths: SandboxPaths
        /// `/proc/PID/ns/pid` of the container that TARGET names, already looked up.
        package var targetPID: String?
        package var abilities: NodeAbilities

        package init(sandbox: SandboxPlan, paths: SandboxPaths, targetPID: String? = nil, abilities: NodeAbilities = NodeAbilities()) {
            self.sandbox = sandbox
            self.paths = paths
            self.targetPID = targetPID
            self.abilities = abilities
        }
    }

    package init(_ config: Runtime_V1_ContainerConfig, image: ImageConfig, in pod: Surroundings) throws(PluginError) {
        guard config.hasMetadata, !config.metadata.name.isEmpty else { throw .invalid(field: "config.metadata.name", reason: "is empty") }
        name = config.metadata.name
        attempt = config.metadata.attempt
        request = BundleRequest(image: image)
        logPath = try Self.logPath(config.logPath, in: pod.sandbox)
        stopSignal = try Self.stopSignal(config.stopSignal, image: image)
        try readProcess(config)
        try readMounts(config.mounts, pod)
        for (index, device) in config.devices.enumerated() { devices.append(try Self.device(device, "config.devices[\(index)]")) }
        cdiDevices = CDIRegistry.names(of: config)
        if config.hasWindows { throw .unsupported(field: "config.windows", what: "Windows") }
        request.annotations = config.annotations
        try readResources(config.linux.resources, pod.abilities)
        try readSecurity(config.linux, pod)
    }

    private mutating func readProcess(_ config: Runtime_V1_ContainerConfig) throws(PluginError) {
        if !config.command.isEmpty { request.entrypoint = config.command }
        if !config.args.isEmpty { request.arguments = config.args }
        if !config.workingDir.isEmpty {
            guard config.workingDir.hasPrefix("/") else { throw .invalid(field: "config.working_dir", reason: "must be absolute") }
            request.workingDirectory = config.workingDir
        }
        for (index, variable) in config.envs.enumerated() {
            guard let value = String(validating: variable.value, as: UTF8.self), !variable.key.isEmpty, !variable.key.contains("=") else {
                throw .invalid(field: "config.envs[\(index)]", reason: "\(quoted(variable.key)) is no variable in UTF-8")
            }
            request.environment.append("\(variable.key)=\(value)")
        }
        request.terminal = config.tty
        guard !config.stdinOnce || config.stdin else { throw .invalid(field: "config.stdin_once", reason: "is set without stdin") }
    }

    private static func logPath(_ path: String, in sandbox: SandboxPlan) throws(PluginError) -> String {
        guard !path.isEmpty else { return "" }
        guard !sandbox.logDirectory.isEmpty else { throw .invalid(field: "config.log_path", reason: "the sandbox has no log_directory") }
        let whole = sandbox.logDirectory + "/" + path
        guard isCleanPath(whole), !path.hasSuffix("/") else {
            throw .invalid(field: "config.log_path", reason: "must stay in the log directory")
        }
        return whole
    }

    private static func stopSignal(_ wanted: Runtime_V1_Signal, image: ImageConfig) throws(PluginError) -> Int32 {
        if let number = try StopSignal.number(wanted) { return number }
        guard let text = image.run.stopSignal, !text.isEmpty else { return StopSignal.standard }
        guard let number = StopSignal.number(text) else {
            throw .invalid(field: "image StopSignal", reason: "\(quoted(text)) is no signal")
        }
        return number
    }

    private static func device(_ device: Runtime_V1_Device, _ field: String) throws(PluginError) -> DeviceRequest {
        guard isCleanPath(device.hostPath) else { throw .invalid(field: "\(field).host_path", reason: "must be absolute, without ..") }
        let path = device.containerPath.isEmpty ? device.hostPath : device.containerPath
        guard isCleanPath(path) else { throw .invalid(field: "\(field).container_path", reason: "must be absolute, without ..") }
        guard !device.permissions.isEmpty, Set(device.permissions).isSubset(of: "rwm") else {
            throw .invalid(field: "\(field).permissions", reason: "\(quoted(device.permissions)) is not made of r, w and m")
        }
        return DeviceRequest(source: device.hostPath, destination: path, permissions: device.permissions)
    }
}
