import Glibc
internal import LinuxSys
internal import OCI

/// Does the steps of a plan, in the process that they are for. Nothing is undone here: the process ends, and with it
/// its namespaces; what lasts longer is the executor's to undo.
struct Apply {
    let context: SetupContext
    /// The container's root: the process' own for an exec; for init, the rootfs from `openRoot` on.
    var root: RootDirectory
    /// The terminal, once `openConsole` made it.
    var terminal: FDBox?
    var environment: [String]
    var program = ""
    /// The working directory, when root was refused there: the program's user may be more welcome (a remote file system).
    var refusedDirectory: String?

    init(_ context: SetupContext) throws(ExecutorFailure) {
        self.context = context
        root = RootDirectory(try sys { () throws(SysError) in try FD.open("/", openPathOnly | O_DIRECTORY) })
        environment = context.process.env
    }

    mutating func run() throws(ExecutorFailure) -> Never {
        for step in context.plan.steps {
            guard context.isTraced else {
                try perform(step)
                continue
            }
            let start = realtimeNanoseconds()
            try perform(step)
            context.link.tell(step.name, since: start)
        }
        throw ExecutorFailure(operation: "plan", subject: context.id, reason: "ends without a program")
    }

    private mutating func perform(_ step: SetupStep) throws(ExecutorFailure) {
        switch step {
        case .awaitCgroup: try context.awaitCgroup()
        case .joinCgroup: try context.joinCgroup()
        case .unshareCgroupNamespace: try sys { () throws(SysError) in try unshareNamespaces(.newCgroup, name: "cgroup") }
        case .becomeNamespaceRoot: try sys { () throws(SysError) in try becomeNamespaceRoot() }
        case .bringLoopbackUp: try sys { () throws(SysError) in try LinuxSys.bringLoopbackUp() }
        case .setHostName(let name): try sys { () throws(SysError) in try LinuxSys.setHostName(name) }
        case .setDomainName(let name): try sys { () throws(SysError) in try LinuxSys.setDomainName(name) }
        case .openRoot(let isolation): do { try openRoot(isolation) } catch { throw ExecutorFailure(error) }
        case .mount(let plan): do { try mount(plan) } catch { throw ExecutorFailure(error) }
        case .makeDevice(let plan): do { try makeDevice(plan) } catch { throw ExecutorFailure(error) }
        case .linkDevice(let name, let target): do { try linkDevice(name, to: target) } catch { throw ExecutorFailure(error) }
        case .setParameter(let parameter): do { try setParameter(parameter) } catch { throw ExecutorFailure(error) }
        case .makeWorkingDirectory(let path): do { try makeWorkingDirectory(path) } catch { throw ExecutorFailure(error) }
        case .awaitRuntimeHooks: try context.link.awaitRuntimeHooks()
        case .runHooks(let kind): try runHooks(kind)
        case .enterRoot(let entry): do { try enterRoot(entry) } catch { throw ExecutorFailure(error) }
        case .setRootPropagation(let kind): do { try setRootPropagation(kind) } catch { throw ExecutorFailure(error) }
        case .makeMountReadonly(let path): do { try makeMountReadonly(path) } catch { throw ExecutorFailure(error) }
        case .makeReadonly(let path): do { try makeReadonly(path) } catch { throw ExecutorFailure(error) }
        case .mask(let path): do { try mask(path) } catch { throw ExecutorFailure(error) }
        case .startSession: try sys { () throws(SysError) in try LinuxSys.startSession() }
        case .joinSessionKeyring(let name): try sys { () throws(SysError) in try joinKeyring(name) }
        case .openConsole(let plan): do { try openConsole(plan) } catch { throw ExecutorFailure(error) }
        case .connectStreams(let owner): do { try connectStreams(owner) } catch { throw ExecutorFailure(error) }
        case .loadSeccomp(let status): try context.loadFilter(status)
        case .setPersonality(let domain):
            try sys { () throws(SysError) in try LinuxSys.setPersonality(domain.number, name: domain.rawValue) }
        case .setMemoryPolicy(let policy): try sys { () throws(SysError) in try setMemoryPolicy(policy) }
        case .setLabel(let label): try sys { () throws(SysError) in try setLabel(label) }
        case .limitBoundingSet(let kept): try sys { () throws(SysError) in try limitBoundingSet(kept) }
        case .enterWorkingDirectory(let path): do { try enterWorkingDirectory(path) } catch { throw ExecutorFailure(error) }
        case .awaitLimits: try context.setLimits()
        case .setIdentity(let plan): do { try setIdentity(plan) } catch { throw ExecutorFailure(error) }
        case .setCapabilities(let effective, let permitted): try sys { () throws(SysError) in try keepOnly(effective, permitted) }
        case .setFileModeMask(let mask): LinuxSys.setFileModeMask(mask)
        case .forbidNewPrivileges: try sys { () throws(SysError) in try ProcessControl.forbidNewPrivileges() }
        case .locateProgram(let name, let uid): do { try locateProgram(name, uid) } catch { throw ExecutorFailure(error) }
        case .awaitRelease: try context.link.awaitRelease()
        case .awaitStart: try context.link.awaitStart()
        case .raiseAmbient(let set): try sys { () throws(SysError) in try LinuxSys.raiseAmbient(set) }
        case .becomeInit: try sys { () throws(SysError) in try BuiltInInit.splitOff(context.host) }
        case .execute(let arguments): do { try execute(arguments) } catch { throw ExecutorFailure(error) }
        }
    }

    private func runHooks(_ kind: HookKind) throws(ExecutorFailure) {
        let status: ContainerState.Status = kind == .createContainer ? .creating : .created
        let pid = try sys { () throws(SysError) in try context.host.ownPID() }
        try Hooks.run(kind, context.spec.hooks, state: context.state(status, pid: pid))
    }

    private func execute(_ arguments: [String]) throws(SysError) {
        // Everything but what the program is to inherit closes by itself with the exec; until then the channel tells of a failure.
        let inherited = 3 + context.preservedDescriptors
        try markCloseOnExec(from: inherited)
        try resetSignals()
        try LinuxSys.execute(program, arguments, environment)
    }
}

/// Turns the kernel's error into the executor's.
@discardableResult
func sys<R: ~Copyable>(_ body: () throws(SysError) -> R) throws(ExecutorFailure) -> R {
    do { return try body() } catch { throw ExecutorFailure(error) }
}
