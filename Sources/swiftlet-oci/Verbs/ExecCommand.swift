import Executor
import Glibc
import LinuxSys
import OCI

/// `exec`.
struct ExecCommand {
    private let call: Invocation
    private let record: ContainerRecord
    private let spec: RuntimeSpec
    private let process: ProcessSpec
    private let pidfd: FDBox?
    private let handover: Handover
    private let subgroups: [String: String]

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        guard let id = call.given.rest.first else { throw .usage("exec: the container's id and a command expected") }
        let (record, config) = try call.store.loadWithConfiguration(id, for: "exec")
        pidfd = record.living()
        switch record.status(call.store, living: pidfd != nil) {
        case .running, .created: break
        case .paused where call.given.has("ignore-paused"): break
        case .paused: throw .state(operation: "exec", id: id, reason: "cannot exec in a paused container (use --ignore-paused to override)")
        case .stopped: throw .state(operation: "exec", id: id, reason: "cannot exec in a stopped container")
        case .creating: throw .state(operation: "exec", id: id, reason: "cannot exec in a container in the creating state")
        }
        self.record = record
        subgroups = try SubCgroups.parse(call.given.all("cgroup"))
        let configuration = try Files.json(config, "config.json of \(id)")
        do { spec = try RuntimeSpec(document: configuration) } catch { throw .state(operation: "read", id: id, reason: "\(error)") }
        let document = try ExecProcess.document(call.given, record, configuration)
        do { process = try ProcessSpec(document: document) } catch { throw .state(operation: "exec", id: id, reason: "\(error)") }
        handover = try Handover(preserved: call.given.number("preserve-fds", in: 0...1024))
    }

    func run() throws(CommandError) -> Int32 {
        guard let pidfd else { throw .notRunning("exec", record.id) }
        let terminal = process.terminal
        let detached = call.given.has("detach")
        try Relay.checkConsole(call.given, terminal: terminal, detached: detached)
        let size = terminal && !detached ? Relay.window() : (rows: 0, columns: 0)
        let signals = detached ? nil : try Relay.catchSignals(reaping: false)
        var request = ExecRequest(
            container: record.reference(pidfd, spec), process: [],
            streams: terminal ? .terminal(rows: size.rows, columns: size.columns) : .descriptors(stdin: 0, stdout: 1, stderr: 2))
        request.decoded = process
        request.preservedDescriptors = handover.descriptors
        request.subgroups = subgroups
        let session = try ExecutorSession(.exec(request), log: call.log)
        let outcome = try session.next()
        withExtendedLifetime(pidfd) {}
        if case .failed(let failure) = outcome {
            session.reapProcess()
            throw .executor(failure)
        }
        guard let process = session.process else {
            throw .state(operation: "exec", id: record.id, reason: "the executor ended without a word")
        }
        try hand(over: session, process)
        guard let signals else { return 0 }
        var relay = Relay(process: process, console: session.console, signals: signals)
        return Int32(try relay.run().number)
    }

    /// A process of which nobody can be told is ended.
    private func hand(over session: ExecutorSession, _ process: (pid: Int32, pidfd: FDBox)) throws(CommandError) {
        do {
            if let socket = call.given.value("console-socket"), let console = session.console {
                try Files.send(console, named: "/dev/pts", to: socket)
            }
            if let socket = call.given.value("pidfd-socket") { try Files.send(process.pidfd, named: "setns", to: socket) }
            try Files.writePid(process.pid, to: call.given.value("pid-file"))
        } catch {
            try? process.pidfd.fd.signalProcess(SIGKILL)
            session.reapProcess()
            throw error
        }
    }
}
