internal import Cgroups
internal import EventLoop
internal import Executor
internal import LinuxSys

extension Container {
    /// Init has ended: what it leaves behind goes with it, its status goes to disk, then everyone is told (rules 2, 3, 4).
    func store(pid: Int32, _ ending: Ending) {
        guard record != .writing else {
            afterRecord = { [self] in store(pid: pid, ending) }
            return
        }
        initial.executor = nil
        killRemaining()
        oomWatch?.finish()
        oomWatch = nil
        for process in execs.values { act(process.machine.containerEnded(ending), on: process) }
        var content = taskRecord(ending: ending)
        content.pid = pid
        let path = "\(bundle)/\(TaskRecord.fileName)"
        ForkedWork.files(in: bundle, on: loop, deadline: 10_000_000_000) { () throws(SysError) -> Int32 in
            try replaceFile(at: path, with: content.encoded)
            return 0
        } done: { [weak self] result in
            guard let self else { return }
            if result == nil { log.warning("write \(path): the exit status \(ending.status) could not be stored") }
            initial.io.whenTaken { [self] in
                act(initial.machine.stored(), on: initial)
                initial.io.drain {}
            }
        }
    }

    /// Before it is told (rule 2). An exec's exit has to outlive this process only, so no disk is waited for.
    func storeExit(of process: ManagedProcess, _ ending: Ending) {
        do throws(SysError) { try premises.exits.put(process.execID, of: id, ending) } catch {
            log.warning("store the exit status \(ending.status) of exec \(process.execID): \(error)")
        }
    }

    /// With a pid namespace of its own nothing is left; otherwise the cgroup tells what is. (The kernel is done with a namespace's
    /// processes before its init can be reaped.)
    private func killRemaining() {
        guard !cgroupPaths.entries.isEmpty else { return }
        let cgroup = cgroup
        do throws(CgroupError) {
            if freezer != .thawed { try? cgroup.thaw() }
            freezer = .thawed
            guard try !cgroup.processes().isEmpty else { return }
            try cgroup.kill()
        } catch {
            log.warning("kill what init left: \(error)")
        }
    }

    /// An exec has ended; it is complete when its output is through, or the time for that is over (rule 13).
    func drain(_ process: ManagedProcess) {
        process.executor = nil
        process.io.drain { [weak self, weak process] in
            guard let self, let process else { return }
            act(process.machine.drained(), on: process)
        }
    }
}
