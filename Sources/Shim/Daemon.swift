internal import EventLoop
import Glibc
internal import LinuxSys
internal import TTRPC
internal import TTRPCLoop
internal import TaskAPI

/// The resident shim: the loop, the task service on its socket, signals, and when to end.
final class Daemon {
    private let loop: EventLoop
    private let log: ShimLog
    private let socketPath: String
    private let publisher: Publisher
    private let service: TaskService
    private let server: LoopServer
    private let signals: FDBox
    private let premises: Premises
    private var isEnding = false
    private var hasLeft = false

    init(_ bootstrap: Bootstrap, bundle: String, socketPath: String) throws(SysError) {
        let arguments = bootstrap.arguments
        let loop = try EventLoop()
        let log = ShimLog(bundle: bundle, id: arguments.id, isVerbose: arguments.debug)
        self.loop = loop
        self.log = log
        self.socketPath = socketPath
        publisher = Publisher(loop: loop, address: bootstrap.ttrpcAddress, namespace: arguments.namespace, log: log)
        let end = EndRequest()
        let trace = environment("SWIFTLET_TRACE").map { Trace(path: $0, id: arguments.id, loop: loop) }
        let premises = Premises(namespace: arguments.namespace, exits: ExitStore(socket: socketPath), trace: trace)
        let service = TaskService(loop: loop, log: log, publisher: publisher, id: arguments.id, premises: premises) { end.action?() }
        self.service = service
        self.premises = premises
        server = try LoopServer(loop: loop, codec: ProtobufCEnvelope.self, listener: try FD.listen(at: socketPath)) { call in
            if call.request.service == SupervisorCall.service { return SupervisorCall.perform(call, service) }
            trace?.adopt(call.request.metadata)
            service.handle(call.request) { call.reply($0) }
        }
        try ignoreSignal(SIGPIPE)
        signals = FDBox(try FD.signals([SIGTERM, SIGINT, SIGHUP, SIGUSR1]))
        server.report = { log.warning($0) }
        end.action = { [unowned self] in finish() }
        _ = try loop.watch(signals.raw, for: .read) { [unowned self] _ in takeSignals() }
        watchIdle()
    }

    /// Breaks the circle between the service and the daemon that ends it.
    private final class EndRequest { var action: (() -> Void)? }

    func run() throws(SysError) { try loop.run() }

    private func takeSignals() {
        while let (number, sender) = try? signals.fd.nextSignal() {
            switch number {
            case SIGHUP:
                for container in service.containers.values {
                    container.reopenLogs { [log] in if let problem = $0 { log.warning(problem) } }
                }
            case SIGUSR1: for line in summary { log.info(line) }
            default:
                log.info("signal \(number) from \(sender): stopping")
                stopGracefully()
            }
        }
    }

    /// The state of everything.
    private var summary: [String] {
        let head =
            "\(server.connectionCount) connections, \(publisher.waiting) events wait\(publisher.isFull ? " (full)" : ""), "
            + "\(loop.summary), pid \(currentPID())\(isEnding ? ", ending" : "")"
        return [head] + (service.containers.isEmpty ? ["no task"] : service.containers.values.flatMap(\.summary))
    }

    /// The container is asked to end, then made to; its exit is told; `delete` removes what is left.
    private func stopGracefully() {
        service.stop()
        service.endAll(after: 10_000_000_000) { [weak self] in self?.finish() }
    }

    private static let patience: UInt64 = 5_000_000_000

    /// Ends when what is to be told has been told, or the time for that is over.
    private func finish() {
        guard !isEnding else { return }
        isEnding = true
        service.stop()
        if service.containers.isEmpty { leavePremises() }
        loop.after(nanoseconds: Self.patience) { [self] in
            if publisher.waiting > 0 { log.warning("ending with \(publisher.waiting) events that nobody took") }
            leave()
        }
        // Not before the answers of this round have left.
        publisher.whenEmpty { [self] in loop.soon { self.leaveWhenIdle() } }
    }

    private func leaveWhenIdle() {
        if server.isIdle { return leave() }
        loop.after(nanoseconds: 2_000_000) { [self] in leaveWhenIdle() }
    }

    private func leave() {
        server.close()
        for container in service.containers.values { container.killPrograms() }
        leavePremises()
        loop.stop()
    }

    /// Once: afterwards another shim may have the same name.
    private func leavePremises() {
        guard !hasLeft else { return }
        hasLeft = true
        removeFile(socketPath)
        guard service.containers.isEmpty else { return }
        premises.exits.removeAll()
        if let deleted = service.deleted { DeleteAnswer.leave(deleted.process, in: deleted.bundle) }
    }

    // MARK: an orchestrator that is gone

    private static let idleStep: UInt64 = 10_000_000_000
    private static let idleSteps = 3

    /// Without a task and without anyone connected for half a minute, nobody will come (rule 7). Looks only while there is no task.
    private func watchIdle(steps: Int = 0) {
        loop.after(nanoseconds: Self.idleStep) { [self] in
            guard !isEnding else { return }
            guard service.isIdle else {
                service.whenIdle = { [weak self] in self?.watchIdle() }
                return
            }
            let alone = server.connectionCount == 0 ? steps + 1 : 0
            if alone >= Self.idleSteps {
                log.info("no task and nobody connected: ending")
                return finish()
            }
            watchIdle(steps: alone)
        }
    }
}
