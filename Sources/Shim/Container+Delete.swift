internal import Cgroups
internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

extension Container {
    /// Of an exec: forgets it. Of init: removes all that is left of the container, once, however many ask.
    func delete(_ execID: String, _ reply: @escaping Reply) throws(TaskError) {
        guard execID.isEmpty else { return try deleteExec(execID, reply) }
        switch initial.machine.phase {
        case .created, .storing, .exited, .failed, .deleted: break
        case .creating, .starting, .running, .draining: throw .wrongPhase("delete \(id)", "the container is running")
        }
        deletes.append(reply)
        guard deletes.count == 1 else { return }
        initial.began = monotonicNanoseconds()
        initial.span = premises.trace?.begin("delete")
        if initial.machine.isAlive {
            // Created and never started: it goes as runc's does.
            try? initial.signal(9)
        }
        initial.wait { [self] ending in removeContainer(ending) }
    }

    private func deleteExec(_ execID: String, _ reply: Reply) throws(TaskError) {
        let process = try process(execID)
        let pid = UInt32(bitPattern: process.machine.pid)
        let ending = process.machine.ending
        guard process.machine.delete() else { throw .wrongPhase("delete \(execID)", "it is running") }
        process.io.close()
        execs[execID] = nil
        premises.exits.remove(execID, of: id)
        reply(.success(.delete(DeletedProcess(pid: pid, exitStatus: ending?.status ?? 0, exitedAt: ending?.time))))
    }

    private static let finalDrain: UInt64 = 2_000_000_000

    private func removeContainer(_ ending: Ending) {
        let pid = UInt32(bitPattern: initial.machine.pid)
        drainThenRemove { [self] problem in
            let replies = deletes
            deletes = []
            if let problem {
                for reply in replies { reply(.failure(problem)) }
                return
            }
            _ = initial.machine.delete()
            premises.exits.removeAll(of: id)
            logPhase("deleted", initial)
            tell(.delete, .delete(id: id, process: "", pid: pid, exitStatus: ending.status, exitedAt: ending.time))
            let deleted = DeletedProcess(pid: pid, exitStatus: ending.status, exitedAt: ending.time)
            onGone?(deleted)
            for reply in replies { reply(.success(.delete(deleted))) }
        }
    }

    /// What init wrote goes out first, for a bounded time.
    private func drainThenRemove(_ done: @escaping (TaskError?) -> Void) {
        var isOver = false
        let next = { [self] in
            guard !isOver else { return }
            isOver = true
            initial.io.close()
            for process in execs.values { process.io.close() }
            removeRemains(done)
        }
        guard !initial.io.isDrained else { return next() }
        loop.after(nanoseconds: Self.finalDrain, next)
        initial.io.drain(next)
    }

    private static let deleteDeadline: UInt64 = 60_000_000_000

    /// Most containers leave an empty cgroup and nothing else: to remove that takes no executor, which is half a millisecond of a processor.
    /// False when there is more, or some of it is still there.
    private func removeAtOnce() -> Bool {
        guard !laterWork.contains(.afterEnd), !hasForeignRuntime, !initial.machine.isAlive else { return false }
        return (try? cgroup.removeIfEmpty()) == true
    }

    /// The executor removes the cgroup and runs the poststop hooks.
    func removeRemains(_ done: @escaping (TaskError?) -> Void) {
        if removeAtOnce() { return loop.soon { done(nil) } }
        var problem: TaskError?
        do throws(SysError) {
            var timer: TimerToken?
            let run = try ExecutorRun(loop: loop, .delete(reference)) { [self] event in
                switch event {
                case .record(.failed(let failure), _): problem = .executor(failure)
                case .record(.warning(let text), _): log.warning(text)
                case .record, .channelEnded: break
                case .ended(let status):
                    if let timer { loop.cancel(timer) }
                    if status != .code(0), problem == nil {
                        problem = .wrongPhase("delete \(id)", "the clean-up process ended with status \(status.number)")
                    }
                    done(problem)
                }
            }
            timer = loop.after(nanoseconds: Self.deleteDeadline) {
                problem = .deadline("delete \(self.id)", "the clean-up did not finish within 60 s")
                run.kill()
            }
        } catch { done(.kernel(error)) }
    }
}
