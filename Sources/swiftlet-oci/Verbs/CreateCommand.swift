import Cgroups
import Executor
import Glibc
import LinuxSys
import OCI

/// `create` and `run`.
struct CreateCommand {
    let call: Invocation
    let id: String
    private let bundle: String
    private let configuration: [UInt8]
    private let spec: RuntimeSpec
    private let handover: Handover
    /// Before anything of it is made.
    private let record: ContainerRecord
    private let cgroupHost: CgroupHost?
    let notify: NotifySocket?

    /// Reads and checks; nothing has changed when it throws.
    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        id = try call.given.one("the container's id", of: "create")
        try StateStore.check(id)
        bundle = try Files.absolute(call.given.value("bundle") ?? ".")
        let path = "\(bundle)/config.json"
        configuration = try Files.document(path)
        spec = try Files.spec(configuration, path)
        cgroupHost = try Self.cgroups(for: spec, id, call)
        var handover = try Handover(
            preserved: call.given.number("preserve-fds", in: 0...1024), listenFDs: environmentValue("LISTEN_FDS"),
            listenPID: environmentValue("LISTEN_PID"), ownPID: getpid())
        notify = NotifySocket(call.store, id)
        if let notify { handover.add(notify) }
        self.handover = handover
        record = ContainerRecord(
            id: id, bundle: bundle, rootfs: Files.join(bundle, spec.root.path), created: Clock.now(fraction: true),
            annotations: spec.annotations, options: call.options)
    }

    /// With the hierarchies in which nothing may be made marked, when the container is to go on without them. Then there are no limits,
    /// and the group must not have been named: what was asked for in vain is an error.
    private static func cgroups(for spec: RuntimeSpec, _ id: String, _ call: Invocation) throws(CommandError) -> CgroupHost? {
        guard let host = try? CgroupHost.current() else { return nil }
        guard call.isRootless, !call.options.systemdCgroup else { return host }
        let limited = host.limited(to: spec.linux.cgroupsPath, id: id)
        if let path = spec.linux.cgroupsPath, !limited.hierarchies.contains(where: \.isUsable) {
            throw .state(operation: "create", id: id, reason: "linux.cgroupsPath: this user may make no cgroup \(path)")
        }
        return limited
    }

    private var terminal: Bool { spec.process?.terminal ?? false }

    func create() throws(CommandError) -> Int32 {
        try checkConsole(detached: true)
        return try making { begun throws(CommandError) in
            let listener = try call.store.listener(id)
            var request = request(terminal ? .terminal(rows: 0, columns: 0) : .descriptors(stdin: 0, stdout: 1, stderr: 2))
            request.gate = .listener(listener.raw)
            // An init that waits at a socket of its own does not end with this process.
            let session = try make(request) { pid in
                var begun = begun
                begun.process = ProcessIdentity(of: pid) ?? .none
                try? call.store.save(begun)
            }
            try hand(over: session)
            return 0
        }
    }

    func run() throws(CommandError) -> Int32 {
        let detached = call.given.has("detach")
        try checkConsole(detached: detached)
        return try making { _ throws(CommandError) in
            let relays = terminal && !detached
            let size = relays ? Relay.window() : (rows: 0, columns: 0)
            let signals = detached ? nil : try Relay.catchSignals(reaping: !call.given.has("no-subreaper"))
            let said = try notify?.bind()
            let session = try make(
                request(terminal ? .terminal(rows: size.rows, columns: size.columns) : .descriptors(stdin: 0, stdout: 1, stderr: 2)))
            try hand(over: session)
            try begin(session)
            guard let process = session.process else { return 1 }
            guard let signals else {
                if let notify, let said { try notify.relay(from: said, of: process.pidfd, pid: process.pid) }
                return 0
            }
            var relay = Relay(process: process, console: session.console, signals: signals)
            if let notify, let said { relay.notification = (notify, said) }
            let status = try relay.run()
            if !call.given.has("keep") {
                // As it was saved; its process is reaped.
                var record = record
                record.cgroup = session.cgroup
                try DeleteCommand.remove(record, call, spec)
            }
            return Int32(status.number)
        }
    }

    /// With the container's record on disk before anything of it is made, and none when it could not be made.
    private func making(_ body: (ContainerRecord) throws(CommandError) -> Int32) throws(CommandError) -> Int32 {
        var record = record
        record.creator = ProcessIdentity(of: getpid())
        record.cgroup = CgroupPaths(
            try cgroup { () throws(CgroupError) in
                try Cgroup.missing(path: spec.linux.cgroupsPath, id: id, systemd: call.options.systemdCgroup, on: cgroupHost)
            })
        try call.store.make(record, configuration)
        do {
            try notify?.makeDirectory()
            return try body(record)
        } catch {
            call.store.remove(id)
            throw error
        }
    }

    private func request(_ streams: ProcessStreams) -> CreateRequest {
        var request = CreateRequest(id: id, bundle: bundle, streams: streams)
        request.spec = spec
        request.cgroupHost = cgroupHost
        request.options = call.options
        request.preservedDescriptors = handover.descriptors
        request.additions = handover.additions
        return request
    }

    /// Up to `ready`; the state is written before anybody is told.
    private func make(_ request: CreateRequest, started: @escaping (Int32) -> Void = { _ in }) throws(CommandError) -> ExecutorSession {
        let session = try ExecutorSession(.create(request), log: call.log, started: started)
        switch try session.next() {
        case .ready: break
        case .failed(let failure):
            session.reapProcess()
            throw .executor(failure)
        case .done, .ended:
            throw .state(operation: "create", id: id, reason: "the executor ended without a word")
        }
        guard let process = session.process else { throw .state(operation: "create", id: id, reason: "no process was reported") }
        var record = record
        record.process = ProcessIdentity(of: process.pid) ?? .none
        record.cgroup = session.cgroup
        do { try call.store.save(record) } catch {
            Self.abandon(session)
            throw error
        }
        return session
    }

    /// Lets the program begin; the executor has gone, and the end of the stream says that it was executed.
    private func begin(_ session: ExecutorSession) throws(CommandError) {
        try session.start()
        if case .failed(let failure) = try session.next() {
            session.reapProcess()
            try? DeleteCommand.remove(id, call)
            throw .executor(failure)
        }
        try StartCommand.poststart(id, call, spec)
    }

    /// Gives the terminal and the pid to whom they are for; a container of which nobody can be told is removed.
    private func hand(over session: ExecutorSession) throws(CommandError) {
        guard let process = session.process else { return }
        do {
            if let socket = call.given.value("console-socket"), let console = session.console {
                try Files.send(console, named: "/dev/pts", to: socket)
            }
            if let socket = call.given.value("pidfd-socket") { try Files.send(process.pidfd, named: "standard", to: socket) }
            try Files.writePid(process.pid, to: call.given.value("pid-file"))
        } catch {
            Self.abandon(session)
            try? DeleteCommand.remove(id, call)
            throw error
        }
    }

    private static func abandon(_ session: ExecutorSession) {
        try? session.process?.pidfd.fd.signalProcess(SIGKILL)
        session.reapProcess()
    }

    private func checkConsole(detached: Bool) throws(CommandError) {
        try Relay.checkConsole(call.given, terminal: terminal, detached: detached)
    }
}
