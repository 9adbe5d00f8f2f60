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
        try Self.checkNamespaces(spec)
        steps = []
        addNamespaces(spec)
        addSession(id, options)
        let readonlyLater = try addFileSystems(spec, bundle: bundle, streams: streams)
        for parameter in spec.linux.sysctl { steps.append(.setParameter(parameter)) }
        steps.append(.makeWorkingDirectory(process.cwd))
        addHooks(spec)
        addRoot(spec, options, readonlyLater: readonlyLater)
        placeCgroup(spec)
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
        steps.append(.joinCgroup)
        try addProcess(process, seccomp: spec.linux.seccomp != nil, gated: false, hooks: false)
    }

    private mutating func addNamespaces(_ spec: RuntimeSpec) {
        if spec.linux.namespace(.user) != nil { steps.append(.becomeNamespaceRoot) }
        if let network = spec.linux.namespace(.network), network.path == nil { steps.append(.bringLoopbackUp) }
        if let name = spec.hostname { steps.append(.setHostName(name)) }
        if let name = spec.domainname { steps.append(.setDomainName(name)) }
    }

    private mutating func addSession(_ id: String, _ options: ExecutorOptions) {
        steps.append(.startSession)
        if !options.noNewKeyring { steps.append(.joinSessionKeyring("_ses.\(id)")) }
    }

    private mutating func addHooks(_ spec: RuntimeSpec) {
        if !spec.hooks.prestart.isEmpty || !spec.hooks.createRuntime.isEmpty { steps.append(.awaitRuntimeHooks) }
        if !spec.hooks.createContainer.isEmpty { steps.append(.runHooks(.createContainer)) }
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

    static func console(_ process: ProcessSpec, _ streams: ProcessStreams, atDevConsole: Bool) -> ConsolePlan {
        var plan = ConsolePlan(rows: 0, columns: 0, atDevConsole: atDevConsole)
        if case .terminal(let rows, let columns) = streams { (plan.rows, plan.columns) = (rows, columns) }
        // The request of the one who is there now comes before what the file says.
        if plan.rows == 0, plan.columns == 0, let size = process.consoleSize { (plan.rows, plan.columns) = (size.height, size.width) }
        return plan
    }
}
