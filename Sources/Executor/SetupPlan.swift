internal import LinuxSys
package import OCI

/// What the container's init, or a process executed in the container, does to itself: an ordered list of steps.
///
/// Built before anything changes, so that what cannot be done is refused while there is nothing to undo.
package struct SetupPlan: Equatable, Sendable {
    package var steps: [SetupStep]
    /// To be told, not to be stopped for.
    package var warnings: [String] = []
    /// What an executed process puts on itself before it enters the container, where its own files in /proc are out of its reach.
    package private(set) var labels: [SecurityLabel] = []

    /// The container's init.
    package init(
        initial spec: RuntimeSpec, id: String, bundle: String, streams: ProcessStreams, options: ExecutorOptions,
        abilities: Abilities = .init()
    ) throws(ExecutorFailure) {
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
        try addProcess(process, of: spec, as: .initial, abilities)
        if try BuiltInInit.isWanted(spec) { steps.insert(.becomeInit, at: steps.count - 1) }
    }

    /// A process executed in the container, which is already inside its namespaces and root. What `process` leaves out is as in
    /// the container.
    package init(
        executing process: ProcessSpec, in spec: RuntimeSpec, id: String, streams: ProcessStreams, options: ExecutorOptions,
        abilities: Abilities = .init()
    ) throws(ExecutorFailure) {
        let process = process.inheriting(from: spec.process)
        steps = spec.linux.namespace(.user) == nil ? [] : [.becomeNamespaceRoot]
        addSession(id, options)
        if process.terminal { steps.append(.openConsole(Self.console(process, streams, atDevConsole: false))) }
        steps.append(.joinCgroup)
        try addProcess(process, of: spec, as: .additional, abilities)
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

    private enum Role { case initial, additional }

    /// The order is that of what each step needs: a filter without no_new_privs needs CAP_SYS_ADMIN, the bounding set
    /// CAP_SETPCAP, the directory may be for root alone; then the user changes, and only then the capabilities.
    private mutating func addProcess(_ process: ProcessSpec, of spec: RuntimeSpec, as role: Role, _ abilities: Abilities)
        throws(ExecutorFailure)
    {
        let filtered = spec.linux.seccomp != nil
        steps.append(.connectStreams(owner: process.user.uid))
        steps.append(.enterWorkingDirectory(process.cwd))
        if let personality = spec.linux.personality { steps.append(.setPersonality(personality.domain)) }
        if let policy = spec.linux.memoryPolicy { steps.append(.setMemoryPolicy(policy)) }
        labels = try abilities.modules.labels(of: process)
        if role == .initial { for label in labels { steps.append(.setLabel(label)) } }
        if filtered, !process.noNewPrivileges { steps.append(.loadSeccomp(role == .initial ? .creating : .running)) }
        let ambient = try addIdentity(process, abilities)
        steps.append(.setFileModeMask(process.user.umask ?? 0o022))
        if process.noNewPrivileges { steps.append(.forbidNewPrivileges) }
        steps.append(.locateProgram(name: process.args[0], uid: process.user.uid))
        steps.append(.awaitRelease)
        if role == .initial {
            steps.append(.awaitStart)
            if !spec.hooks.startContainer.isEmpty { steps.append(.runHooks(.startContainer)) }
        }
        if !ambient.isEmpty { steps.append(.raiseAmbient(ambient)) }
        if filtered, process.noNewPrivileges { steps.append(.loadSeccomp(role == .initial ? .created : .running)) }
        steps.append(.execute(process.args))
    }

    /// Returns the ambient capabilities, which come later.
    private mutating func addIdentity(_ process: ProcessSpec, _ abilities: Abilities) throws(ExecutorFailure) -> CapabilitySet {
        let user = process.user
        let capabilities = try process.capabilities.map { sets throws(ExecutorFailure) in
            try CapabilityPlan(sets, field: "process.capabilities", grantable: abilities.capabilities)
        }
        if let capabilities { steps.append(.limitBoundingSet(capabilities.bounding)) }
        if ProcessSettings.areNeeded(by: process) { steps.append(.awaitLimits) }
        let identity = IdentityPlan(uid: user.uid, gid: user.gid, additional: user.additionalGids, keepsCapabilities: capabilities != nil)
        steps.append(.setIdentity(identity))
        guard let capabilities else { return [] }
        steps.append(.setCapabilities(effective: capabilities.effective, permitted: capabilities.permitted))
        warnings += capabilities.warnings
        return capabilities.ambient
    }

    static func console(_ process: ProcessSpec, _ streams: ProcessStreams, atDevConsole: Bool) -> ConsolePlan {
        var plan = ConsolePlan(rows: 0, columns: 0, atDevConsole: atDevConsole)
        if case .terminal(let rows, let columns) = streams { (plan.rows, plan.columns) = (rows, columns) }
        // The request of the one who is there now comes before what the file says.
        if plan.rows == 0, plan.columns == 0, let size = process.consoleSize { (plan.rows, plan.columns) = (size.height, size.width) }
        return plan
    }
}
