internal import FoundationEssentials
package import Messages

/// Where a pod's directories are on the node.
package struct PodPlaces: Equatable, Sendable {
    package let directory: String

    /// `root` is the kubelet's directory.
    package init(root: String, pod: PodManifest) { directory = "\(root)/\(pod.namespace)_\(pod.name)_\(pod.uid)" }

    package var logs: String { directory + "/logs" }
    /// Of an emptyDir, also in memory, or of a config map.
    package func volume(_ name: String) -> String { "\(directory)/volumes/\(name)" }
    package func log(_ container: String, attempt: UInt32) -> String { "\(logs)/\(Self.logPath(container, attempt))" }
    static func logPath(_ container: String, _ attempt: UInt32) -> String { "\(container)/\(attempt).log" }
}

/// A manifest in the words of CRI.
extension PodManifest {
    package func sandboxConfig(_ places: PodPlaces) -> Runtime_V1_PodSandboxConfig {
        var config = Runtime_V1_PodSandboxConfig()
        (config.metadata.name, config.metadata.namespace, config.metadata.uid) = (name, namespace, uid)
        config.hostname = hostNetwork ? "" : hostname ?? name
        config.logDirectory = places.logs
        if let dns {
            (config.dnsConfig.servers, config.dnsConfig.searches, config.dnsConfig.options) = (dns.servers, dns.searches, dns.options)
        }
        config.labels = labels.merging(podLabels) { $1 }
        config.annotations = annotations
        config.linux.securityContext.namespaceOptions = namespaceOptions
        config.linux.securityContext.privileged = (initContainers + containers).contains { $0.security.privileged }
        config.linux.securityContext.seccomp.profileType = .runtimeDefault
        config.linux.sysctls = security.sysctls
        return config
    }

    /// On every pod that a mock kubelet runs.
    static let ownerLabel = "swiftlet.dev/run-by"

    private var podLabels: [String: String] {
        [
            PodManifest.ownerLabel: "mock-kubelet", "io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace,
            "io.kubernetes.pod.uid": uid,
        ]
    }

    var namespaceOptions: Runtime_V1_NamespaceOption {
        var options = Runtime_V1_NamespaceOption()
        options.network = hostNetwork ? .node : .pod
        options.ipc = hostIPC ? .node : .pod
        // What the API calls no shareProcessNamespace.
        options.pid = hostPID ? .node : sharesProcesses ? .pod : .container
        return options
    }

    package func container(_ name: String) -> ContainerManifest? { (initContainers + containers).first { $0.name == name } }

    package func containerConfig(_ container: ContainerManifest, attempt: UInt32, _ places: PodPlaces) -> Runtime_V1_ContainerConfig {
        var config = Runtime_V1_ContainerConfig()
        (config.metadata.name, config.metadata.attempt) = (container.name, attempt)
        config.image.image = container.image
        config.image.userSpecifiedImage = container.image
        (config.command, config.args) = (container.expandedCommand, container.expandedArgs)
        config.workingDir = container.workingDirectory
        config.envs = container.expandedEnvironment.map { variable in
            var pair = Runtime_V1_KeyValue()
            (pair.key, pair.value) = (variable.name, Data(variable.value.utf8))
            return pair
        }
        config.mounts = container.mounts.map { mount($0, places) }
        config.labels = podLabels.merging(["io.kubernetes.container.name": container.name]) { $1 }
        config.logPath = PodPlaces.logPath(container.name, attempt)
        (config.stdin, config.tty) = (container.stdin, container.tty)
        config.linux.resources = container.resources.message
        config.linux.securityContext = securityContext(container.security)
        return config
    }

    private func mount(_ mount: VolumeMount, _ places: PodPlaces) -> Runtime_V1_Mount {
        var message = Runtime_V1_Mount()
        message.containerPath = mount.path
        message.hostPath = source(mount, places)
        message.readonly = mount.readOnly || isConfigMap(mount.volume)
        switch mount.propagation {
        case .none: message.propagation = .propagationPrivate
        case .hostToContainer: message.propagation = .propagationHostToContainer
        case .bidirectional: message.propagation = .propagationBidirectional
        }
        return message
    }

    private func isConfigMap(_ volume: String) -> Bool {
        if case .configMap = volumes.first(where: { $0.name == volume })?.source { true } else { false }
    }

    /// The path on the node.
    package func source(_ mount: VolumeMount, _ places: PodPlaces) -> String {
        let base: String
        switch volumes.first(where: { $0.name == mount.volume })?.source {
        case .hostPath(let path, _): base = path
        case .emptyDirectory, .memory, .configMap, nil: base = places.volume(mount.volume)
        }
        return mount.subPath.isEmpty ? base : base + "/" + mount.subPath
    }

    private func securityContext(_ own: ContainerSecurity) -> Runtime_V1_LinuxContainerSecurityContext {
        var context = Runtime_V1_LinuxContainerSecurityContext()
        context.namespaceOptions = namespaceOptions
        context.privileged = own.privileged
        context.readonlyRootfs = own.readOnlyRootFilesystem
        context.noNewPrivs = !own.allowPrivilegeEscalation && !own.privileged
        (context.capabilities.addCapabilities, context.capabilities.dropCapabilities) = (own.addCapabilities, own.dropCapabilities)
        if let user = own.runAsUser ?? security.runAsUser { context.runAsUser.value = user }
        if let group = own.runAsGroup ?? security.runAsGroup { context.runAsGroup.value = group }
        context.supplementalGroups = security.supplementalGroups
        switch own.seccomp ?? security.seccomp {
        case .unconfined: context.seccomp.profileType = .unconfined
        case .localhost(let path):
            context.seccomp.profileType = .localhost
            context.seccomp.localhostRef = path
        case .runtimeDefault, nil: context.seccomp.profileType = .runtimeDefault
        }
        if !own.privileged { (context.maskedPaths, context.readonlyPaths) = (Self.maskedPaths, Self.readOnlyPaths) }
        return context
    }

    /// Kubernetes' default procMount.
    static let maskedPaths = [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ]
    static let readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}

extension Resources {
    /// Kubernetes' rules: 1024 shares a CPU, at least 2; the quota of a period of 100 ms, at least 1 ms.
    package var message: Runtime_V1_LinuxContainerResources {
        var message = Runtime_V1_LinuxContainerResources()
        if let millis = cpuRequestMillis ?? cpuLimitMillis { message.cpuShares = min(max(2, millis * 1024 / 1000), 262_144) }
        if let millis = cpuLimitMillis {
            message.cpuPeriod = 100_000
            message.cpuQuota = max(1000, millis * 100)
        }
        if let bytes = memoryLimitBytes { message.memoryLimitInBytes = bytes }
        return message
    }
}
