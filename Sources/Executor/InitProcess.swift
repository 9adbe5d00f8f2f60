internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// A process that sets itself up, as the executor that cloned it holds it. It is the supervisor's child, not the executor's.
struct InitProcess {
    let pid: Int32
    let pidfd: FDBox
    let link: FDBox
    /// It began in the v2 part of its cgroup.
    let isBornInside: Bool

    init(pid: Int32, pidfd: FDBox, link: FDBox, isBornInside: Bool = false) {
        self.pid = pid
        self.pidfd = pidfd
        self.link = link
        self.isBornInside = isBornInside
    }

    /// Clones init into its namespaces. What it can do for itself it does, in its own mount namespace; this process stays on the host.
    static func spawn(
        _ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ request: CreateRequest, _ supervisor: Supervisor,
        birthplace: Cgroup.Birthplace?
    ) throws(ExecutorFailure) -> InitProcess {
        if namespaces.joinsUser {
            return try fromAside(supervisor) { flags throws(ExecutorFailure) in
                let opened = try sys { () throws(SysError) in try namespaces.open() }
                return try prepared.isUnprivileged
                    ? cloneUnprivileged(prepared, namespaces, opened, request, supervisor, flags)
                    : cloneIntoUser(prepared, namespaces, opened, request, supervisor, flags)
            }
        }
        let opened = try sys { () throws(SysError) in try namespaces.open() }
        if prepared.isUnprivileged { return try cloneUnprivileged(prepared, namespaces, opened, request, supervisor) }
        guard !namespaces.makesUser, !prepared.plan.mapsIDs else {
            let made = try cloneIntoUser(prepared, namespaces, opened, request, supervisor)
            try sys { () throws(SysError) in try prepared.host.comeBack(from: namespaces.changed) }
            return made
        }
        // Namespaces of these kinds hold for children only, so they are joined and made here.
        try sys { () throws(SysError) in
            try namespaces.makeTime(prepared.host)
            try namespaces.join(opened) { Self.ofChildren.contains($0.kind) }
        }
        let made = try clone(prepared, namespaces.made.subtracting(.newTime), gate: request.gate, supervisor, birthplace) {
            () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try namespaces.join(opened) { !Self.ofChildren.contains($0.kind) }
                if namespaces.makesMount { try isolateMounts(prepared.spec.linux.rootfsPropagation) }
            }
            let users = UserNamespaces(host: prepared.host, prepared.spec, joined: nil)
            try RootfsMounts.make(request.rootfs, at: prepared.rootPath, users: users)
            return try sys { () throws(SysError) in try MountSources(for: prepared.plan, users: users) }
        }
        try sys { () throws(SysError) in try prepared.host.comeBack(from: namespaces.changed.intersection(Self.ofChildren)) }
        return made
    }

    static let ofChildren = CloneFlags.newPID.union(.newTime)

    /// In a user namespace init could not reach all that is to be mounted, and to map ids takes a process that the host sees:
    /// mounts are made before, in a mount namespace that becomes init's own.
    private static func cloneIntoUser(
        _ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ opened: [FDBox], _ request: CreateRequest, _ supervisor: Supervisor,
        _ flags: CloneFlags = []
    ) throws(ExecutorFailure) -> InitProcess {
        try sys { () throws(SysError) in
            try namespaces.makeTime(prepared.host)
            try namespaces.join(opened) { $0.kind != .newUser }
            if namespaces.makesMount {
                try unshareNamespaces(.newMount, name: "mount")
                try isolateMounts(prepared.spec.linux.rootfsPropagation)
            }
        }
        let users = UserNamespaces(host: prepared.host, prepared.spec, joined: namespaces.user(of: opened))
        try RootfsMounts.make(request.rootfs, at: prepared.rootPath, users: users)
        let sources = try sys { () throws(SysError) in try MountSources(for: prepared.plan, users: users) }
        var isInRoot = false
        if namespaces.makesMount, prepared.plan.steps.contains(.openRoot(.mount)) {
            try sys { () throws(SysError) in
                try privatizeMount(holding: prepared.rootPath)
                try FD.open(prepared.rootPath, openPathOnly | O_DIRECTORY).makeCurrentDirectory(name: prepared.rootPath)
            }
            isInRoot = true
        }
        try sys { () throws(SysError) in try namespaces.join(opened) { $0.kind == .newUser } }
        return try clone(prepared, namespaces.cloned.union(flags), gate: request.gate, supervisor, isInRoot: isInRoot) {
            () throws(ExecutorFailure) in sources
        }
    }

    /// What is mounted here stays here. `shared` is asked for when mounts of volumes are to be seen on the
    /// host: then only the rootfs' own mount is cut off (config-linux.md, "Rootfs Mount Propagation").
    static func isolateMounts(_ asked: Propagation?) throws(SysError) {
        switch asked?.kernel {
        case .shared: return
        case .private, .unbindable: try mountPath(nil, on: "/", flags: MountPropagation.private.rawValue | MountFlag.recursive)
        case .slave, nil: try mountPath(nil, on: "/", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        }
    }

    /// The clone itself. In the child, which begins with `entering`, it never returns.
    static func clone(
        _ prepared: PreparedSetup, _ flags: CloneFlags, gate: StartGate, _ supervisor: Supervisor,
        _ birthplace: Cgroup.Birthplace? = nil, isInRoot: Bool = false, entering: () throws(ExecutorFailure) -> MountSources
    ) throws(ExecutorFailure) -> InitProcess {
        let ends = try sys { () throws(SysError) in try FD.recordPair() }
        let (ours, theirs) = ends.take { (FDBox($0), FDBox($1)) }
        // Made before: what the child would count references of is the parent's memory, copied page by page.
        let context = SetupContext(
            prepared, link: SetupLink(executor: theirs, channel: supervisor.channel, gate: gate), isInRoot: isInRoot)
        let all = flags.union(supervisor.childFlags)
        var isBornInside = birthplace != nil
        let side: CloneSide
        do { side = try cloneProcess(all, cgroup: birthplace?.directory.raw ?? -1) } catch {
            // A kernel before 5.7, or a hierarchy that takes no process this way: it joins later then.
            guard isBornInside else { throw ExecutorFailure(error) }
            isBornInside = false
            side = try sys { () throws(SysError) in try cloneProcess(all) }
        }
        switch consume side {
        case .parent(let pid, let pidfd): return InitProcess(pid: pid, pidfd: FDBox(pidfd), link: ours, isBornInside: isBornInside)
        case .child:
            context.run(
                first: { () throws(SysError) in
                    // A copy of the executor's ends here would keep them open when it is gone.
                    try theirs.fd.place(at: ours.raw)
                    try supervisor.enterChild()
                    // Handlers are reset with the exec; until then nothing has set any.
                    try unblockSignals()
                    setFileModeMask(0)
                }, entering: entering)
        }
    }

    func begin() throws(ExecutorFailure) { try send(.begin) }
    func release() throws(ExecutorFailure) { try send(.released) }

    /// Tells where the cgroup is, with what it needs to move itself there.
    func offer(_ cgroup: Cgroup, _ subgroups: [String: String] = [:], toJoin: Bool) throws(ExecutorFailure) {
        let doors: [FDBox]
        do { doors = toJoin ? try cgroup.doors(subgroups, isBornInside: isBornInside) : [] } catch { throw ExecutorFailure(error) }
        try send(ExecutorRecord.cgroup(cgroup.record).encoded, doors)
    }

    private func send(_ message: SetupMessage) throws(ExecutorFailure) { try send([message.rawValue]) }

    private func send(_ bytes: [UInt8], _ descriptors: [FDBox] = []) throws(ExecutorFailure) {
        do { try link.fd.send(bytes, lending: descriptors) } catch {
            guard error.errno == EPIPE || error.errno == ECONNRESET else { throw ExecutorFailure(error) }
            throw try lastWord()
        }
    }

    /// Serves the process until it is ready.
    func converse(
        _ process: ProcessSpec, join: () throws(CgroupError) -> Void, hooks: () throws(ExecutorFailure) -> Void
    ) throws(ExecutorFailure) {
        while true {
            let message = try sys { () throws(SysError) in try link.fd.receive() }
            guard let bytes = message?.bytes, let first = bytes.first else { throw ended }
            switch SetupMessage(rawValue: first) {
            case .environmentReady:
                try hooks()
                try send(.hooksDone)
            case .joinWanted:
                do { try join() } catch { throw ExecutorFailure(error) }
                try send(.joined)
            case .limitsWanted:
                try sys { () throws(SysError) in try ProcessSettings.set(process, of: pid) }
                try send(.limitsSet)
            case .ready: return
            default:
                if case .failed(let failure) = ExecutorRecord(bytes) { throw failure }
                throw ended
            }
        }
    }

    private func lastWord() throws(ExecutorFailure) -> ExecutorFailure {
        let message = try sys { () throws(SysError) in try link.fd.receive() }
        if let bytes = message?.bytes, case .failed(let failure) = ExecutorRecord(bytes) { return failure }
        return ended
    }

    private var ended: ExecutorFailure {
        ExecutorFailure(operation: "set up", subject: "process \(pid)", reason: "it ended before it was ready")
    }

    /// Kills it and waits until it is gone (its supervisor reaps it).
    func end() {
        try? pidfd.fd.signalProcess(SIGKILL)
        _ = try? pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: 10_000)
    }
}
