internal import EventLoop
internal import Executor
internal import LinuxSys

/// From an executor's records to phases: the same for init and execs.
extension Container {
    /// Starts the executor for a process. `deadline` in nanoseconds: it and what it made are killed when that is over.
    func launch(_ process: ManagedProcess, _ job: ExecutorJob, operation: String, deadline: UInt64) throws(TaskError) {
        do throws(SysError) {
            process.executor = try ExecutorRun(loop: loop, job) { [weak self, weak process] event in
                guard let self, let process else { return }
                handle(event, of: process)
            }
        } catch { throw .kernel(error) }
        process.io.launched()
        process.isMade = false
        process.deadline = loop.after(nanoseconds: deadline) { [weak self, weak process] in
            guard let self, let process else { return }
            abort(process, TaskError.deadline("\(operation) \(id)", "the set-up did not finish within \(deadline / 1_000_000_000) s"))
        }
    }

    private func handle(_ event: ExecutorRun.Event, of process: ManagedProcess) {
        let now = realtimeNanoseconds()
        switch event {
        case .record(let record, let fds): handle(record, fds, of: process)
        case .channelEnded:
            guard process === initial, !channelTellsOfInit else { return act(process.machine.channelEnded(now: now), on: process) }
            initChannelEnded()
        case .ended(let status):
            if status != .code(0) { hasStrays = true }
            endStrays()
            switch process.machine.phase {
            case .creating:
                let failure = ExecutorFailure(
                    operation: "create", subject: id, reason: "the set-up process ended early (status \(status.number))")
                act(process.machine.failed(failure, now: now), on: process)
            case .failed: finishFailure(of: process)
            case .created, .starting, .running, .draining, .storing, .exited, .deleted: break
            }
        }
    }

    private func handle(_ record: ExecutorRecord, _ fds: [FDBox], of process: ManagedProcess) {
        switch record {
        case .started(let pid): started(process, pid: pid, fds)
        case .console: attachConsole(process, fds)
        case .cgroup(let paths):
            cgroupPaths = paths
            writeRecordIfDue()
        case .ready: act(process.machine.ready(), on: process)
        case .failed(let failure): act(process.machine.failed(failure, now: realtimeNanoseconds()), on: process)
        case .warning(let text): log.warning(text)
        case .span(let name, let start, let end): premises.trace?.add(name, in: process.span, from: start, to: end)
        case .done, .start: break
        }
    }

    private func started(_ process: ManagedProcess, pid: Int32, _ fds: [FDBox]) {
        process.machine.launched(pid: pid)
        do throws(SysError) {
            let pidfd = fds.first != nil ? fds[0] : FDBox(try FD.pidfd(of: pid))
            process.pidfd = pidfd
            let watch = ChildWatch(loop: loop) { [weak self, weak process] status in
                guard let self, let process else { return }
                // What the process said before it died comes first.
                process.executor?.drain()
                process.pidfd = nil
                act(process.machine.reaped(status, now: realtimeNanoseconds()), on: process)
            }
            try watch.watch(pidfd, pid: pid)
            process.isMade = true
        } catch {
            abort(process, .kernel(error))
        }
        if process === initial { writeRecordIfDue() }
    }

    private func attachConsole(_ process: ManagedProcess, _ fds: [FDBox]) {
        guard let master = fds.first else { return }
        do throws(SysError) { try process.io.attach(console: master) } catch { abort(process, .kernel(error)) }
    }

    /// Does what a machine asks for.
    func act(_ action: ProcessMachine.Action, on process: ManagedProcess) {
        switch action {
        case .none: break
        case .created: finishCreate()
        case .started(let pid, let ended): finishStart(of: process, pid: pid, ended)
        case .drain: drain(process)
        case .store(let pid, let ending): store(pid: pid, ending)
        case .exited(let pid, let ending):
            if process !== initial { storeExit(of: process, ending) }
            logPhase("ended with status \(ending.status)", process)
            tellExit(process, pid: pid, ending)
            process.tellWaiters(ending)
            if let refusal = process.refusal { process.answer(.failure(refusal), on: loop) }
        case .refused(let failure, let ended): refuse(process, .executor(failure), ended)
        case .failed(let failure, let ending): fail(process, .executor(failure), ending)
        }
    }

    /// Init's Start came to nothing. It is answered when init's exit is told, so that a Delete right after it finds a process
    /// that has ended and not one that is about to.
    private func refuse(_ process: ManagedProcess, _ error: TaskError, _ ended: ProcessMachine.Ended) {
        process.refusal = error
        startFailed(process)
        try? process.pidfd?.fd.signalProcess(9)
        act(ended, on: process)
    }

    func act(_ ended: ProcessMachine.Ended, on process: ManagedProcess) {
        switch ended {
        case .no: break
        case .store(let pid, let ending): store(pid: pid, ending)
        case .drain: drain(process)
        }
    }

    /// Ends a set-up that takes too long or cannot be followed; its own processes are killed.
    func abort(_ process: ManagedProcess, _ error: TaskError) {
        process.executor?.kill()
        try? process.pidfd?.fd.signalProcess(9)
        let failure = ExecutorFailure(operation: "set up", subject: id, reason: error.description)
        switch process.machine.failed(failure, now: realtimeNanoseconds()) {
        case .failed(_, let ending): fail(process, error, ending)
        case .refused(_, let ended): refuse(process, error, ended)
        case .none, .created, .started, .drain, .store, .exited: break
        }
    }

    /// A Create, or an exec's Start, came to nothing. It is answered when the executor has undone its part.
    private func fail(_ process: ManagedProcess, _ error: TaskError, _ ending: Ending) {
        process.failure = error
        logPhase("failed: \(error)", process)
        startFailed(process)
        process.io.close()
        process.tellWaiters(ending)
        try? process.pidfd?.fd.signalProcess(9)
        if process.executor?.isRunning != true { finishFailure(of: process) }
    }

    private func finishFailure(of process: ManagedProcess) {
        guard let error = process.failure else { return }
        process.failure = nil
        guard process === initial else { return process.answer(.failure(error), on: loop) }
        if restore != .none { return finishFailedRestore(error) }
        // The executor cleans up after a step that failed; one that was killed could not. Removing twice does no harm.
        removeRemains { [self] problem in
            if let problem { log.warning("after a failed create: \(problem)") }
            onGone?(nil)
            process.answer(.failure(error), on: loop)
        }
    }
}
