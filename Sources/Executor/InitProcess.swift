import Glibc
internal import LinuxSys
internal import OCI

/// A process that sets itself up, as the executor that cloned it holds it. It is the supervisor's child, not the executor's.
struct InitProcess {
    let pid: Int32
    let pidfd: FDBox
    private let link: FDBox

    init(pid: Int32, pidfd: FDBox, link: FDBox) {
        self.pid = pid
        self.pidfd = pidfd
        self.link = link
    }

    /// Makes the namespaces and the rootfs, clones init into them and comes back to the host's.
    static func spawn(_ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ request: CreateRequest, channel: FDBox)
        throws(ExecutorFailure) -> InitProcess
    {
        if namespaces.joinsUser { return try spawnFromAside(prepared, namespaces, request, channel: channel) }
        let made = try clone(prepared, namespaces, request, channel: channel)
        try sys { () throws(SysError) in try prepared.host.comeBack(from: namespaces.changed) }
        return made
    }

    /// Whoever joins a user namespace can never come back from it. So this process goes in and clones init, which must be
    /// its sibling, while a child of it stays on the host as the one that does the executor's work; it ends as that child does.
    private static func spawnFromAside(
        _ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ request: CreateRequest, channel: FDBox
    ) throws(ExecutorFailure) -> InitProcess {
        let ends = try sys { () throws(SysError) in try FD.recordPair() }
        let (host, inside) = ends.take { (FDBox($0), FDBox($1)) }
        let side = try sys { () throws(SysError) in try cloneProcess() }
        switch consume side {
        case .child: return try receive(from: host, closing: inside)
        case .parent(_, let worker):
            do {
                let made = try clone(prepared, namespaces, request, channel: channel)
                try sys { () throws(SysError) in
                    try inside.fd.send(ExecutorRecord.started(pid: made.pid).encoded, fds: [made.pidfd.raw, made.link.raw])
                }
            } catch { _ = try? inside.fd.send(ExecutorRecord.failed(error).encoded) }
            let status = try? worker.reap(blocking: true)
            exitNow(status == .code(0) ? 0 : 1)
        }
    }

    private static func receive(from host: FDBox, closing inside: FDBox) throws(ExecutorFailure) -> InitProcess {
        // A copy of the other end here would hide that the other process ended.
        try sys { () throws(SysError) in try host.fd.place(at: inside.raw) }
        let message = try sys { () throws(SysError) in try host.fd.receive() }
        switch message.flatMap({ ExecutorRecord($0.bytes) }) {
        case .started(let pid):
            guard let fds = message?.fds, fds.count == 2 else { break }
            return InitProcess(pid: pid, pidfd: fds[0], link: fds[1])
        case .failed(let failure): throw failure
        default: break
        }
        throw ExecutorFailure(operation: "clone", subject: "init", reason: "the process that joined the user namespace ended")
    }

    private static func clone(
        _ prepared: PreparedSetup, _ namespaces: NamespacePlan, _ request: CreateRequest, channel: FDBox
    ) throws(ExecutorFailure) -> InitProcess {
        let opened = try sys { () throws(SysError) in try namespaces.open() }
        try sys { () throws(SysError) in
            try namespaces.makeTime(prepared.host)
            try namespaces.join(opened) { $0.kind != .newUser }
            if namespaces.makesMount { try isolateMounts(prepared.spec.linux.rootfsPropagation) }
        }
        try RootfsMounts.make(request.rootfs, at: prepared.rootPath)
        let users = UserNamespaces(host: prepared.host, prepared.spec.linux, joined: namespaces.user(of: opened))
        let sources = try sys { () throws(SysError) in try MountSources(for: prepared.plan, users: users) }
        return try sys { () throws(SysError) in
            try namespaces.join(opened) { $0.kind == .newUser }
            return try clone(SetupRequest(prepared: prepared, sources: sources), namespaces.cloned, gate: request.gate, channel: channel)
        }
    }

    /// From here on what this process mounts stays here. `shared` is asked for when mounts of volumes are to be seen on the
    /// host: then only the rootfs' own mount is cut off (config-linux.md, "Rootfs Mount Propagation").
    private static func isolateMounts(_ asked: Propagation?) throws(SysError) {
        try unshareNamespaces(.newMount, name: "mount")
        switch asked?.kernel {
        case .shared: return
        case .private, .unbindable: try mountPath(nil, on: "/", flags: MountPropagation.private.rawValue | MountFlag.recursive)
        case .slave, nil: try mountPath(nil, on: "/", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
        }
    }

    /// The clone itself. In the child, which begins with `entering`, it never returns.
    static func clone(
        _ setup: SetupRequest, _ flags: CloneFlags, gate: StartGate, channel: FDBox, entering: () throws(SysError) -> Void = {}
    ) throws(SysError) -> InitProcess {
        let ends = try FD.recordPair()
        let (ours, theirs) = ends.take { (FDBox($0), FDBox($1)) }
        let side = try cloneProcess(flags.union(.parent))
        switch consume side {
        case .parent(let pid, let pidfd): return InitProcess(pid: pid, pidfd: FDBox(pidfd), link: ours)
        case .child:
            // A copy of the executor's end here would keep the link open when the executor is gone.
            try theirs.fd.place(at: ours.raw)
            setFileModeMask(0)
            SetupContext(setup, link: SetupLink(executor: theirs, channel: channel, gate: gate)).run(entering: entering)
        }
    }

    func begin() throws(ExecutorFailure) { try send(.begin) }
    func release() throws(ExecutorFailure) { try send(.released) }

    private func send(_ message: SetupMessage) throws(ExecutorFailure) {
        do { try link.fd.send([message.rawValue]) } catch {
            guard error.errno == EPIPE else { throw ExecutorFailure(error) }
            throw try lastWord()
        }
    }

    /// Serves the process until it is ready.
    func converse(_ process: ProcessSpec, hooks: () throws(ExecutorFailure) -> Void) throws(ExecutorFailure) {
        while true {
            let message = try sys { () throws(SysError) in try link.fd.receive() }
            guard let bytes = message?.bytes, let first = bytes.first else { throw ended }
            switch SetupMessage(rawValue: first) {
            case .environmentReady:
                try hooks()
                try send(.hooksDone)
            case .limitsWanted:
                try Bundle.setLimits(process, of: pid)
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
