internal import EventLoop
internal import LinuxSys
internal import TTRPC
internal import TaskAPI

/// containerd's sandbox service v1 (`sandboxer = "shim"` of containerd 2): this shim is the sandbox, and serves the tasks of all its
/// containers.
final class SandboxService {
    typealias Answer = (Result<SandboxReply, TaskError>) -> Void

    private enum Phase: Equatable {
        case none
        case created(netns: String)
        case running(createdAt: UInt64)
        case stopped(createdAt: UInt64, exitedAt: UInt64)
    }

    private let loop: EventLoop
    private let id: String
    private unowned let tasks: TaskService
    private let onShutdown: () -> Void
    private var phase = Phase.none
    private var holder: SandboxHolder?
    private var waiters: [Answer] = []

    init(loop: EventLoop, id: String, tasks: TaskService, onShutdown: @escaping () -> Void) {
        self.loop = loop
        self.id = id
        self.tasks = tasks
        self.onShutdown = onShutdown
    }

    /// There is one, so that tasks may have other names than this shim's.
    var isThere: Bool { phase != .none }

    func handle(_ request: RequestEnvelope, _ answer: @escaping (ResponseEnvelope) -> Void) {
        do throws(Status) {
            let call = try SandboxCall(request)
            let reply: Answer = { result in
                switch result {
                case .success(let value): answer(ResponseEnvelope(payload: value.encoded))
                case .failure(let error): answer(ResponseEnvelope(status: error.status))
                }
            }
            do throws(TaskError) { try perform(call, reply) } catch { reply(.failure(error)) }
        } catch { answer(ResponseEnvelope(status: error)) }
    }

    private func perform(_ call: SandboxCall, _ reply: @escaping Answer) throws(TaskError) {
        switch call {
        case .create(let id, _, let netns):
            guard id == self.id else { throw .invalid("create sandbox \(id)", "this shim is for \(self.id)") }
            guard phase == .none else { throw .exists("sandbox \(id)") }
            guard netns.isEmpty || netns.hasPrefix("/") else { throw .invalid("create sandbox \(id)", "netns path \(netns): not absolute") }
            phase = .created(netns: netns)
            reply(.success(.empty))
        case .start(let id):
            try check(id)
            reply(.success(try start()))
        case .platform(let id):
            try check(id)
            let (architecture, variant) = Self.architecture
            reply(.success(.platform(os: "linux", architecture: architecture, variant: variant)))
        case .stop(let id, let seconds):
            try check(id)
            stop(after: seconds, reply)
        case .wait(let id):
            try check(id)
            wait(reply)
        case .status(let id, _):
            try check(id)
            reply(.success(.status(state)))
        case .ping(let id):
            try check(id)
            reply(.success(.empty))
        case .metrics(let id):
            try check(id)
            reply(.success(.metrics(id: id, at: realtimeNanoseconds(), nil)))
        case .shutdown(let id):
            // Also of one that was never made: the shim has nothing else to do.
            guard id == self.id else { throw .unknownSandbox(id) }
            stop(after: 0) { [self] _ in
                reply(.success(.empty))
                onShutdown()
            }
        }
    }

    private func check(_ id: String) throws(TaskError) {
        guard id == self.id, isThere else { throw .unknownSandbox(id) }
    }

    private func start() throws(TaskError) -> SandboxReply {
        guard case .created(let netns) = phase else { throw .wrongPhase("start sandbox \(id)", "it was started already") }
        do throws(SysError) {
            holder = try SandboxHolder(loop: loop, netns: netns) { [weak self] in self?.ended() }
        } catch { throw .kernel(error) }
        let now = realtimeNanoseconds()
        phase = .running(createdAt: now)
        return .start(pid: UInt32(bitPattern: holder?.pid ?? 0), createdAt: now)
    }

    /// Its containers are asked to end, and made to after `seconds`; then it ends itself. Once stopped it stays so.
    private func stop(after seconds: UInt32, _ reply: @escaping Answer) {
        tasks.endAll(after: UInt64(seconds) * 1_000_000_000) { [self] in
            holder?.end()
            ended()
            reply(.success(.empty))
        }
    }

    private func ended() {
        let now = realtimeNanoseconds()
        switch phase {
        case .created: phase = .stopped(createdAt: now, exitedAt: now)
        case .running(let createdAt): phase = .stopped(createdAt: createdAt, exitedAt: now)
        case .none, .stopped: return
        }
        let all = waiters
        waiters = []
        for waiter in all { wait(waiter) }
    }

    private func wait(_ reply: @escaping Answer) {
        guard case .stopped(_, let exitedAt) = phase else { return waiters.append(reply) }
        reply(.success(.wait(exitStatus: 0, exitedAt: exitedAt)))
    }

    private var state: SandboxState {
        let pid = holder?.isAlive == true ? UInt32(bitPattern: holder?.pid ?? 0) : 0
        switch phase {
        case .running(let createdAt): return SandboxState(id: id, pid: pid, state: "SANDBOX_READY", createdAt: createdAt)
        case .stopped(let createdAt, let exitedAt):
            return SandboxState(id: id, pid: 0, state: "SANDBOX_NOTREADY", createdAt: createdAt, exitedAt: exitedAt)
        case .none, .created: return SandboxState(id: id, pid: 0, state: "SANDBOX_NOTREADY", createdAt: 0)
        }
    }

    /// In Go's words, as images have them.
    private static var architecture: (name: String, variant: String) {
        #if arch(x86_64)
            ("amd64", "")
        #elseif arch(arm64)
            ("arm64", "v8")
        #else
            ("unknown", "")
        #endif
    }
}
