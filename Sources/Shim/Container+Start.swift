internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

extension Container {
    /// An exec, or init's way through its gate, takes longer only when something is wrong.
    static let startDeadline: UInt64 = 60_000_000_000

    func start(_ execID: String, _ reply: @escaping (Result<UInt32, TaskError>) -> Void) throws(TaskError) {
        let process = try process(execID)
        let name = execID.isEmpty ? id : execID
        if !execID.isEmpty, !isRunning { throw .wrongPhase("start \(name)", "the container is not running") }
        if freezer != .thawed { throw .wrongPhase("start \(name)", "the container is paused") }
        guard process.machine.start() else { throw .wrongPhase("start \(name)", "it was started already") }
        expectStart(of: process)
        process.pendingReply = reply
        process.began = monotonicNanoseconds()
        process.span = premises.trace?.begin(execID.isEmpty ? "start" : "exec \(execID)")
        guard process === initial else { return startExec(process) }
        if restore == .waiting { startRestore() } else { startInitial() }
    }

    /// Init executes its program (or is about to); execs may join.
    var isRunning: Bool { if case .running = initial.machine.phase { true } else { false } }

    private func startInitial() {
        initial.deadline = loop.after(nanoseconds: Self.startDeadline) { [weak self] in
            guard let self else { return }
            abort(initial, .deadline("start \(id)", "the program was not executed within 60 s"))
        }
        if options.executor.runtime != nil { return startByRuntime() }
        do throws(SysError) {
            guard let executor = initial.executor else { throw SysError(3 /* ESRCH */, "start", on: id) }
            try executor.start()
        } catch {
            // EPIPE: init is dead already; its pidfd, or the end of the channel, says so next.
            if error.errno != 32 { abort(initial, .kernel(error)) }
        }
    }

    private func startExec(_ process: ManagedProcess) {
        process.io.prepare { [self] problem in
            if let problem { return abort(process, problem) }
            var request = ExecRequest(container: reference, process: process.spec, streams: process.io.processStreams)
            request.isTraced = premises.trace != nil
            process.spec = []
            do throws(TaskError) {
                try launch(process, .exec(request), operation: "exec \(process.execID) in", deadline: Self.startDeadline)
            } catch { abort(process, error) }
        }
    }

    /// The program was executed. What it has become since is told after its start.
    func finishStart(of process: ManagedProcess, pid: Int32, _ ended: ProcessMachine.Ended) {
        process.executor = nil
        if process === initial, restore != .none { watchForOOM() }
        let answer = { [self] in
            tellStarted(process, pid: pid)
            logPhase("started, pid \(pid)", process)
            process.answer(.success(UInt32(bitPattern: pid)), on: loop)
            act(ended, on: process)
        }
        guard process === initial, hasPoststartHooks, ended == .no else { return answer() }
        runPoststartHooks(then: answer)
    }

    /// Another runtime runs them itself.
    private var hasPoststartHooks: Bool { laterWork.contains(.poststart) && !hasForeignRuntime }

    /// The runtime specification has them run after the program was started and before start returns; a failure ends the container.
    private func runPoststartHooks(then answer: @escaping () -> Void) {
        var problem: ExecutorFailure?
        do throws(SysError) {
            var run: ExecutorRun?
            run = try ExecutorRun(loop: loop, .poststart(reference)) { [self] event in
                switch event {
                case .record(.failed(let failure), _): problem = failure
                case .record(.warning(let text), _): log.warning(text)
                case .record, .channelEnded: break
                case .ended:
                    run = nil
                    guard let problem else { return answer() }
                    refuseStart(.executor(problem))
                }
            }
            _ = run
        } catch { refuseStart(.kernel(error)) }
    }

    /// Answered when init's exit is told, or at once when that is over.
    private func refuseStart(_ error: TaskError) {
        startFailed(initial)
        guard initial.machine.isAlive || initial.machine.ending == nil else { return initial.answer(.failure(error), on: loop) }
        initial.refusal = error
        try? initial.signal(9)
    }
}
