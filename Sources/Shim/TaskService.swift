internal import EventLoop
internal import Executor
internal import LinuxSys
internal import OCI
internal import TTRPC
internal import TaskAPI

/// The task service: one container, or none yet, or none any more; in a sandbox all of its containers. Every call is answered once, now or when what it asks for is done.
final class TaskService {
    private let loop: EventLoop
    private let log: ShimLog
    private let publisher: Publisher
    private let id: String
    private let premises: Premises
    /// Create reads its options from a file, and nothing is made yet.
    private var readingOptions: Set<String> = []
    private(set) var containers: [String: Container] = [:]
    private lazy var sandbox = SandboxService(loop: loop, id: id, tasks: self, onShutdown: onShutdown)
    private var isStopping = false
    private let onShutdown: () -> Void
    /// Called once, when the container is gone.
    var whenIdle: (() -> Void)?
    /// The container that has this shim's name, once it is deleted, and its bundle.
    private(set) var deleted: (process: DeletedProcess, bundle: String)?

    private var settling = false

    init(loop: EventLoop, log: ShimLog, publisher: Publisher, id: String, premises: Premises, onShutdown: @escaping () -> Void) {
        self.premises = premises
        self.loop = loop
        self.log = log
        self.publisher = publisher
        self.id = id
        self.onShutdown = onShutdown
    }

    var isIdle: Bool { containers.isEmpty && !sandbox.isThere }
    /// The one of a shim without a sandbox.
    var container: Container? { containers.values.first }

    /// No new work from here on.
    func stop() { isStopping = true }

    /// A second after the last burst of calls this process is small again.
    private func settleSoon() {
        guard !settling else { return }
        settling = true
        loop.after(nanoseconds: 1_000_000_000) { [weak self] in
            self?.settling = false
            trimHeap()
            releaseStack()
            releaseCode()
        }
    }

    func handle(_ request: RequestEnvelope, _ answer: @escaping (ResponseEnvelope) -> Void) {
        settleSoon()
        if request.service == SandboxCall.service { return sandbox.handle(request, answer) }
        let call: TaskCall
        do throws(Status) { call = try TaskCall(request) } catch { return answer(ResponseEnvelope(status: error)) }
        let reply: Reply = { [log, method = request.method] result in
            switch result {
            case .success(let value): answer(ResponseEnvelope(payload: value.encoded))
            case .failure(let error):
                log.debug("\(method): \(error)")
                answer(ResponseEnvelope(status: error.status))
            }
        }
        do throws(TaskError) { try perform(call, reply) } catch { reply(.failure(error)) }
    }

    private func perform(_ call: TaskCall, _ reply: @escaping Reply) throws(TaskError) {
        switch call {
        case .create(let request): try create(request, reply)
        case .start(let id, let execID):
            try refuseWhenFull()
            try task(id).start(execID) { reply($0.map { .start(pid: $0) }) }
        case .exec(let request):
            try refuseWhenFull()
            try task(request.id).exec(request)
            reply(.success(.empty))
        case .state(let id, let execID): reply(.success(try task(id).state(execID)))
        case .pids(let id): reply(.success(try task(id).pids()))
        case .stats(let id): reply(.success(try task(id).stats()))
        case .connect(let id):
            let pid = containers[id]?.initial.machine.pid ?? 0
            reply(.success(.connect(shimPID: UInt32(bitPattern: currentPID()), taskPID: UInt32(bitPattern: pid), version: swiftletVersion)))
        case .wait(let id, let execID):
            try task(id).process(execID).wait { reply(.success(.wait(exitStatus: $0.status, exitedAt: $0.time))) }
        case .kill(let id, let execID, let signal, let all):
            try task(id).kill(execID, signal: signal, all: all, reply)
        case .pause(let id): try task(id).pause(reply)
        case .resume(let id): try task(id).resume(reply)
        case .closeIO(let id, let execID, let stdin):
            try task(id).closeIO(execID, stdin: stdin)
            reply(.success(.empty))
        case .resizePty(let id, let execID, let width, let height):
            try task(id).resize(execID, width: width, height: height)
            reply(.success(.empty))
        case .update(let id, let resources, _): try task(id).update(resources, reply)
        case .delete(let id, let execID): try task(id).delete(execID, reply)
        case .checkpoint(let id, let path, let any):
            let container = try task(id)
            let options: CheckpointOptions
            do throws(Status) { options = try CheckpointOptions(any) } catch { throw TaskError("checkpoint \(id)", error) }
            try container.checkpoint(path, options, reply)
        case .shutdown(_, let now): shutdown(now: now, reply)
        }
    }

    private func task(_ id: String) throws(TaskError) -> Container {
        guard let container = containers[id] else { throw .unknownTask(id) }
        return container
    }

    private func refuseWhenFull() throws(TaskError) {
        guard publisher.isFull else { return }
        throw .busy("\(publisher.waiting) events wait to be taken by the orchestrator: no new work until they are")
    }

    private func create(_ request: CreateTask, _ reply: @escaping Reply) throws(TaskError) {
        try refuseWhenFull()
        guard !isStopping else { throw .wrongPhase("create \(request.id)", "the shim is shutting down") }
        guard containers[request.id] == nil, !readingOptions.contains(request.id) else { throw .exists("task \(request.id)") }
        guard request.id == id || sandbox.isThere else { throw .invalid("create \(request.id)", "this shim is for \(id)") }
        guard request.bundle.utf8.first == UInt8(ascii: "/") else {
            throw .invalid("bundle \(request.bundle)", "the path has to be absolute")
        }
        guard request.checkpoint.isEmpty || request.checkpoint.hasPrefix("/") else {
            throw .invalid("checkpoint \(request.checkpoint)", "the path has to be absolute")
        }
        let targets = try StreamTargets(
            stdin: request.io.stdin, stdout: request.io.stdout, stderr: request.io.stderr, terminal: request.io.terminal)
        readingOptions.insert(request.id)
        TaskOptions.read(request.options, namespace: premises.namespace, loop: loop) { [self] result in
            readingOptions.remove(request.id)
            do throws(TaskError) {
                try create(request, targets, try result.get(), reply)
            } catch { reply(.failure(error)) }
        }
    }

    private func create(_ request: CreateTask, _ targets: StreamTargets, _ options: TaskOptions, _ reply: @escaping Reply) throws(TaskError)
    {
        let io: ProcessIO
        do throws(SysError) {
            io = try ProcessIO(targets, owner: options.owner, of: (request.id, premises.namespace), loop: loop) { [log] in log.warning($0) }
        } catch { throw .kernel(error) }
        let container = Container(request, options: options, io: io, premises, loop: loop, log: log) { [publisher] in
            publisher.publish($0)
        }
        containers[request.id] = container
        container.onGone = { [weak self] process in
            guard let self else { return }
            containers[request.id] = nil
            if request.id == id { deleted = process.map { ($0, request.bundle) } }
            guard containers.isEmpty else { return }
            let action = whenIdle
            whenIdle = nil
            action?()
        }
        container.create { reply($0.map { .create(pid: $0) }) }
    }

    /// With a task left, or as a sandbox, only `now` counts. Answered when the verb `delete` can follow.
    private func shutdown(now: Bool, _ reply: Reply) {
        if isIdle || now { onShutdown() }
        reply(.success(.empty))
    }

    /// Asks every container to end, makes it after `patience`, and calls back when all have.
    func endAll(after patience: UInt64, _ done: @escaping () -> Void) {
        let living = containers.values.filter { $0.initial.machine.isAlive }
        var left = living.count
        guard left > 0 else { return done() }
        for container in living {
            try? container.initial.signal(patience == 0 ? 9 : 15)
            container.initial.wait { _ in
                left -= 1
                if left == 0 { done() }
            }
        }
        guard patience > 0 else { return }
        loop.after(nanoseconds: patience) {
            for container in living { try? container.initial.signal(9) }
        }
    }
}
