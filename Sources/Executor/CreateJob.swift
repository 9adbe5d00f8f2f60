internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// Makes a container up to the point where its init waits for the word to start.
///
/// Init sets itself up while the cgroup is made here, and joins it last: the container's limits hold for the container, not for
/// what it costs to make it.
final class CreateJob {
    private let request: CreateRequest
    private let supervisor: Supervisor
    private let prepared: PreparedSetup
    private let namespaces: NamespacePlan
    private var cgroup: Cgroup?
    private var birthplace: Cgroup.Birthplace?
    private let resctrl: Resctrl?
    private var isInClass = false
    private let maps: IDMaps?
    private var initial: InitProcess?
    private var hooksBegan = false

    /// Reads, checks and plans; nothing has changed when it throws.
    init(_ request: CreateRequest, _ supervisor: Supervisor) throws(ExecutorFailure) {
        self.request = request
        self.supervisor = supervisor
        let read = if let known = request.spec { known } else { try Bundle.spec(request.bundle) }
        let spec = request.additions.apply(to: read)
        guard let process = spec.process else { throw ExecutorFailure(operation: "config.json", subject: "process", reason: "is missing") }
        let abilities = try sys { () throws(SysError) in try Abilities(for: process, in: spec) }
        let plan = try SetupPlan(
            initial: spec, id: request.id, bundle: request.bundle, streams: request.streams, options: request.options, abilities: abilities)
        resctrl = try Resctrl.find(spec.linux.intelRdt, id: request.id)
        try Bundle.checkStreams(request.streams, terminal: process.terminal)
        let namespaces = NamespacePlan(spec.linux)
        _ = try sys { () throws(SysError) in try namespaces.open() }
        let isUnprivileged = try Self.lacksPrivileges(namespaces)
        maps = namespaces.makesUser ? (isUnprivileged ? IDMaps(spec.linux, uid: geteuid(), gid: getegid()) : IDMaps(spec.linux)) : nil
        try maps?.check()
        if maps?.deniesGroups == true, !process.user.additionalGids.isEmpty {
            throw ExecutorFailure(
                operation: "config.json", subject: "process.user.additionalGids",
                reason: "a user without privileges who maps its own group can give no others (setgroups(2) is denied then)")
        }
        self.namespaces = namespaces
        try Bundle.checkHost(spec, hasRootfsMounts: !request.rootfs.isEmpty)
        prepared = PreparedSetup(
            id: request.id, bundle: request.bundle, rootPath: try Bundle.rootPath(spec.root.path, bundle: request.bundle), spec: spec,
            process: process,
            plan: plan, streams: request.streams, preservedDescriptors: request.preservedDescriptors,
            host: try sys { () throws(SysError) in
                try HostPlace(leftFor: namespaces.changed.union(spec.linux.netDevices.isEmpty ? [] : .newNetwork))
            },
            filter: try Bundle.filter(spec.linux.seccomp), agent: try Bundle.agent(spec.linux.seccomp))
        prepared.isTraced = request.isTraced
        prepared.isUnprivileged = isUnprivileged
        prepared.awaitsBegin = namespaces.makesUser || !spec.linux.netDevices.isEmpty
        // The document's faults are told before this host's: where there are no cgroups at all `make` says so.
        prepared.cgroupHost = request.cgroupHost ?? (try? CgroupHost.current())
    }

    /// Who has no user namespace to have privileges in can do nothing for a container.
    private static func lacksPrivileges(_ namespaces: NamespacePlan) throws(ExecutorFailure) -> Bool {
        let encloses = namespaces.makesUser || namespaces.joinsUser
        // Root is asked only where it matters.
        guard encloses || geteuid() != 0 else { return false }
        let isAdministrator = try sys { () throws(SysError) in try LinuxSys.isAdministrator() }
        guard isAdministrator || encloses else {
            throw ExecutorFailure(
                operation: "config.json", subject: "linux.namespaces",
                reason: "without privileges a container needs a user namespace (`spec --rootless` writes one)")
        }
        return !isAdministrator
    }

    func make() throws(ExecutorFailure) {
        for warning in prepared.plan.warnings { try supervisor.tell(.warning(warning)) }
        // Told before anything is made: what an executor that is killed now leaves can be found, and nothing else is taken for it.
        if !supervisor.isThisProcess { try announceCgroup() }
        if !namespaces.makesUser, !namespaces.joinsUser {
            birthplace = Cgroup.birthplace(
                path: prepared.spec.linux.cgroupsPath, id: request.id, systemd: request.options.systemdCgroup, on: prepared.cgroupHost)
        }
        // The maps are written through files of /proc, which are the user's only of a process that may be traced. Nothing is in the
        // container yet that could trace it.
        if prepared.isUnprivileged { try sys { () throws(SysError) in try ProcessControl.allowTracing() } }
        let process = try supervisor.timed("clone init", request.isTraced) { () throws(ExecutorFailure) in
            try InitProcess.spawn(prepared, namespaces, request, supervisor, birthplace: birthplace)
        }
        initial = process
        try supervisor.tell(.started(pid: process.pid), with: process.pidfd)
        try supervisor.timed("make the cgroup", request.isTraced) { () throws(ExecutorFailure) in try admit(process) }
        do throws(ExecutorFailure) { try converse(with: process) } catch {
            // Those of init: from the first hook on poststop hooks are owed to a creation that fails.
            if error.operation == HookKind.createContainer.operation { hooksBegan = true }
            throw error
        }
        cgroup?.settle()
        // The record first: nothing that init does after its release may come before it.
        try supervisor.tell(.ready)
        try process.release()
    }

    private func converse(with process: InitProcess) throws(ExecutorFailure) {
        try process.converse(prepared.process) { () throws(CgroupError) in
            try cgroup?.add(pid: process.pid)
        } hooks: { () throws(ExecutorFailure) in
            hooksBegan = true
            let state = prepared.state(.creating, pid: process.pid)
            try Hooks.run(.prestart, prepared.spec.hooks, state: state)
            try Hooks.run(.createRuntime, prepared.spec.hooks, state: state)
        }
    }

    /// What only a process outside can do for it.
    private func admit(_ process: InitProcess) throws(ExecutorFailure) {
        let spec = prepared.spec
        try maps?.write(of: process.pid, prepared.host)
        try supervisor.warn(ProcessSettings.setMemoryScore(prepared.process.oomScoreAdj, of: process.pid, prepared.host))
        if prepared.isUnprivileged { try sys { () throws(SysError) in try ProcessControl.forbidTracing() } }
        if let resctrl {
            try resctrl.prepare()
            isInClass = true
            try sys { () throws(SysError) in try resctrl.add(pid: process.pid) }
        }
        if !spec.linux.netDevices.isEmpty {
            try sys { () throws(SysError) in
                let devices = try NetDevices(host: prepared.host, pid: process.pid)
                for device in spec.linux.netDevices { try devices.move(device) }
            }
        }
        if prepared.awaitsBegin { try process.begin() }
        let made: Cgroup
        do {
            made = try Cgroup.create(
                path: spec.linux.cgroupsPath, id: request.id, resources: spec.linux.resources, systemd: request.options.systemdCgroup,
                annotations: spec.annotations, owner: prepared.isUnprivileged ? nil : CgroupOwner.uid(spec),
                on: prepared.cgroupHost,
                birthplace: birthplace)
            cgroup = made
        } catch { throw ExecutorFailure(error) }
        try supervisor.tell(.cgroup(made.record))
        // In a user namespace init may not open them, nor move itself by what another opened (cgroups(7)).
        try process.offer(made, toJoin: !namespaces.makesUser && !namespaces.joinsUser)
    }

    private func announceCgroup() throws(ExecutorFailure) {
        let missing: [Cgroup.Directory]
        do {
            missing = try Cgroup.missing(
                path: prepared.spec.linux.cgroupsPath, id: request.id, systemd: request.options.systemdCgroup, on: prepared.cgroupHost)
        } catch { throw ExecutorFailure(error) }
        // In the order of `create`, the unified hierarchy last.
        let paths = missing.filter { !$0.isUnified } + missing.filter(\.isUnified)
        try supervisor.tell(.cgroup(CgroupPaths(paths)))
    }

    /// Nothing half made stays: the process, its cgroup; and what the runtime's hooks did is theirs to undo.
    func undo() {
        var failures: [String] = []
        if let initial { initial.end() }
        if let cgroup {
            do {
                try cgroup.kill()
                try cgroup.remove()
            } catch { failures.append("\(error)") }
        } else {
            birthplace?.remove()
        }
        if isInClass { do { try resctrl?.remove() } catch { failures.append("\(error)") } }
        if hooksBegan {
            let state = ContainerState(
                id: request.id, status: .stopped, pid: nil, bundle: request.bundle, annotations: prepared.spec.annotations)
            failures += Hooks.runAll(.poststop, prepared.spec.hooks, state: state).map(\.description)
        }
        for failure in failures { try? supervisor.tell(.warning(failure)) }
    }
}

extension PreparedSetup {
    func state(_ status: ContainerState.Status, pid: Int32) -> ContainerState {
        ContainerState(id: id, status: status, pid: pid, bundle: bundle, annotations: spec.annotations)
    }
}

extension IDMapping {
    /// user_namespaces(7).
    var line: String { "\(containerID) \(hostID) \(size)\n" }
}

extension ExecutorFailure {
    init(_ error: CgroupError) {
        switch error {
        case .kernel(let failure): self.init(failure)
        case .unsupported(let field, let reason): self.init(operation: "config.json", subject: field, reason: reason)
        default: self.init(operation: "cgroup", subject: "", reason: "\(error)")
        }
    }
}
