internal import LinuxSys
package import OCI

/// What the container's init, or a process executed in the container, does to itself: an ordered list of steps.
///
/// Built before anything changes, so that what cannot be done is refused while there is nothing to undo.
package struct SetupPlan: Equatable, Sendable {
    package var steps: [SetupStep]
    /// To be told, not to be stopped for.
    package var warnings: [String] = []

    /// The container's init.
    package init(initial spec: RuntimeSpec, id: String, bundle: String, streams: ProcessStreams, options: ExecutorOptions)
        throws(ExecutorFailure)
    {
        guard let process = spec.process else { throw ExecutorFailure(operation: "config.json", subject: "process", reason: "is missing") }
        guard spec.linux.namespace(.mount) != nil else {
            throw ExecutorFailure(
                operation: "config.json", subject: "linux.namespaces", reason: "a container without a mount namespace is not supported")
        }
        steps = []
        addNamespaces(spec)
        addSession(id, options)
        try addFileSystems(spec, bundle: bundle, streams: streams, terminal: process.terminal)
        for parameter in spec.linux.sysctl { steps.append(.setParameter(parameter)) }
        steps.append(.makeWorkingDirectory(process.cwd))
        steps.append(.awaitRuntimeHooks)
        if !spec.hooks.createContainer.isEmpty { steps.append(.runHooks(.createContainer)) }
        addRoot(spec, options)
        try addProcess(process, seccomp: spec.linux.seccomp != nil, gated: true, hooks: !spec.hooks.startContainer.isEmpty)
    }

    /// A process executed in the container, which is already inside its namespaces and root. What `process` leaves out
    /// of capabilities it takes from the container's.
    package init(executing process: ProcessSpec, in spec: RuntimeSpec, id: String, streams: ProcessStreams, options: ExecutorOptions)
        throws(ExecutorFailure)
    {
        var process = process
        if process.capabilities == nil { process.capabilities = spec.process?.capabilities }
        steps = spec.linux.namespace(.user) == nil ? [] : [.becomeNamespaceRoot]
        addSession(id, options)
        if process.terminal { steps.append(.openConsole(Self.console(process, streams, atDevConsole: false))) }
        try addProcess(process, seccomp: spec.linux.seccomp != nil, gated: false, hooks: false)
    }

    private mutating func addNamespaces(_ spec: RuntimeSpec) {
        // The namespace's root is the cgroup that one is in at this moment: the container's.
        if let cgroup = spec.linux.namespace(.cgroup), cgroup.path == nil { steps.append(.unshareCgroupNamespace) }
        if spec.linux.namespace(.user) != nil { steps.append(.becomeNamespaceRoot) }
        if let network = spec.linux.namespace(.network), network.path == nil { steps.append(.bringLoopbackUp) }
        if let name = spec.hostname { steps.append(.setHostName(name)) }
        if let name = spec.domainname { steps.append(.setDomainName(name)) }
    }

    private mutating func addSession(_ id: String, _ options: ExecutorOptions) {
        steps.append(.startSession)
        if !options.noNewKeyring { steps.append(.joinSessionKeyring("_ses.\(id)")) }
    }

    private mutating func addFileSystems(_ spec: RuntimeSpec, bundle: String, streams: ProcessStreams, terminal: Bool)
        throws(ExecutorFailure)
    {
        steps.append(.isolateRoot)
        var devIsBound = false
        for (number, mount) in spec.mounts.enumerated() {
            var plan = try MountPlan(mount, number: number, field: "mounts[\(number)]", bundle: bundle)
            try plan.checkPlace(field: "mounts[\(number)].destination")
            if plan.destination == "/dev" {
                if case .bind = plan.kind { devIsBound = true } else { devIsBound = false }
                // Nodes are still to be made in it; it becomes read-only with the rest.
                if !devIsBound { plan.set.remove(.readonly) }
            }
            steps.append(.mount(plan))
        }
        if !devIsBound {
            let making: DevicePlan.Making = spec.linux.namespace(.user) == nil ? .node : .bind
            for device in DefaultDevices.merged(with: spec.linux.devices) {
                steps.append(.makeDevice(DevicePlan(making: making, device: device)))
            }
            for link in DefaultDevices.links { steps.append(.linkDevice(name: link.name, target: link.target)) }
        }
        if terminal, let process = spec.process { steps.append(.openConsole(Self.console(process, streams, atDevConsole: true))) }
    }

    private mutating func addRoot(_ spec: RuntimeSpec, _ options: ExecutorOptions) {
        steps.append(.enterRoot(options.noPivotRoot ? .move : .pivot))
        if let propagation = spec.linux.rootfsPropagation { steps.append(.setRootPropagation(propagation)) }
        let dev = spec.mounts.last { PathComponents($0.destination).parts == ["dev"] }
        if let dev, dev.options.contains("ro"), dev.type != "bind", !dev.options.contains("bind"), !dev.options.contains("rbind") {
            steps.append(.makeReadonly("/dev"))
        }
        for path in spec.linux.readonlyPaths { steps.append(.makeReadonly(path)) }
        for path in spec.linux.maskedPaths { steps.append(.mask(path)) }
        // Last: the paths above may have to be made first in a root that is still writable.
        if spec.root.readonly { steps.append(.makeReadonly("/")) }
    }

    /// The order is that of what each step needs: a filter without no_new_privs needs CAP_SYS_ADMIN, the bounding set
    /// CAP_SETPCAP, the directory may be for root alone; then the user changes, and only then the capabilities.
    private mutating func addProcess(_ process: ProcessSpec, seccomp: Bool, gated: Bool, hooks: Bool) throws(ExecutorFailure) {
        let user = process.user
        steps.append(.connectStreams(owner: user.uid))
        steps.append(.enterWorkingDirectory(process.cwd))
        if seccomp, !process.noNewPrivileges { steps.append(.loadSeccomp) }
        let capabilities = try process.capabilities.map { sets throws(ExecutorFailure) in
            try CapabilityPlan(sets, field: "process.capabilities")
        }
        if let capabilities { steps.append(.limitBoundingSet(capabilities.bounding)) }
        if !process.rlimits.isEmpty { steps.append(.awaitLimits) }
        let identity = IdentityPlan(uid: user.uid, gid: user.gid, additional: user.additionalGids, keepsCapabilities: capabilities != nil)
        steps.append(.setIdentity(identity))
        if let capabilities {
            steps.append(.setCapabilities(effective: capabilities.effective, permitted: capabilities.permitted))
            if !capabilities.ambient.isEmpty, user.uid != 0 {
                warnings.append("process.capabilities.ambient: not raised, because the inheritable set is kept empty")
            }
        }
        steps.append(.setFileModeMask(user.umask ?? 0o022))
        if process.noNewPrivileges { steps.append(.forbidNewPrivileges) }
        steps.append(.locateProgram(name: process.args[0], uid: user.uid))
        steps.append(.awaitRelease)
        if gated { steps.append(.awaitStart) }
        if hooks { steps.append(.runHooks(.startContainer)) }
        if seccomp, process.noNewPrivileges { steps.append(.loadSeccomp) }
        steps.append(.execute(process.args))
    }

    private static func console(_ process: ProcessSpec, _ streams: ProcessStreams, atDevConsole: Bool) -> ConsolePlan {
        var plan = ConsolePlan(rows: 0, columns: 0, atDevConsole: atDevConsole)
        if case .terminal(let rows, let columns) = streams { (plan.rows, plan.columns) = (rows, columns) }
        // The request of the one who is there now comes before what the file says.
        if plan.rows == 0, plan.columns == 0, let size = process.consoleSize { (plan.rows, plan.columns) = (size.height, size.width) }
        return plan
    }
}

/// config-linux.md, "Default Devices" and runtime-linux.md, "Dev symbolic links".
package enum DefaultDevices {
    package static let nodes: [DeviceSpec] = [
        node("/dev/null", 1, 3), node("/dev/zero", 1, 5), node("/dev/full", 1, 7), node("/dev/random", 1, 8), node("/dev/urandom", 1, 9),
        node("/dev/tty", 5, 0),
    ]
    package static let links: [(name: String, target: String)] = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ]

    private static func node(_ path: String, _ major: UInt32, _ minor: UInt32) -> DeviceSpec {
        DeviceSpec(kind: .character, path: path, major: major, minor: minor, fileMode: 0o666)
    }

    /// The default ones, then those asked for; one that is asked for at a default's path takes its place.
    package static func merged(with devices: [DeviceSpec]) -> [DeviceSpec] {
        let asked = Set(devices.map { PathComponents($0.path).parts })
        return nodes.filter { !asked.contains(PathComponents($0.path).parts) } + devices
    }
}

extension MountPlan {
    /// What a program inside might trust in /proc must not be replaced (CVE-2019-16884 and its like): only the files that
    /// system containers virtualise may be mounted over.
    func checkPlace(field: String) throws(ExecutorFailure) {
        guard destination.hasPrefix("/proc/"), case .bind = kind else { return }
        let allowed = [
            "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo", "net/dev", "sys/kernel/ns_last_pid",
            "sys/crypto/fips_enabled",
        ]
        guard allowed.contains(String(destination.dropFirst(6))) else {
            throw ExecutorFailure(operation: "config.json", subject: field, reason: "\(destination) must not be mounted over")
        }
    }
}
