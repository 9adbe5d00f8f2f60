internal import Cgroups
internal import Executor
internal import LinuxSys
internal import TaskAPI

extension Container {
    func kill(_ execID: String, signal: UInt32, all: Bool, _ reply: @escaping Reply) throws(TaskError) {
        guard (1...64).contains(signal), let number = Int32(exactly: signal) else { throw .invalid("signal \(signal)", "1 … 64 expected") }
        let process = try process(execID)
        if all, process === initial {
            try killAll(number)
        } else if process === initial, hasForeignRuntime, initial.machine.isAlive {
            return ask(.kill(signal: number)) { [self] problem in
                // It may have ended meanwhile, which every runtime says in its own words.
                if let problem, initial.machine.isAlive { return reply(.failure(problem)) }
                thawForKill(number)
                reply(.success(.empty))
            }
        } else {
            try process.signal(number)
        }
        thawForKill(number)
        reply(.success(.empty))
    }

    private func thawForKill(_ number: Int32) {
        // Under v1 a frozen process does not even die (kernel: cgroup-v1/freezer-subsystem).
        if number == 9, freezer == .frozen, !cgroup.isUnifiedOnly { try? cgroup.thaw() }
    }

    private func killAll(_ signal: Int32) throws(TaskError) {
        guard initial.machine.isAlive else { throw .unknownProcess("init: process already finished") }
        let cgroup = cgroup
        do throws(CgroupError) {
            if signal == 9 { return try cgroup.kill() }
            for pid in try cgroup.processes() {
                // A pid that is gone meanwhile, or another's: the pidfd is opened first, and then it must still be listed.
                guard let pidfd = try? FD.pidfd(of: pid), try cgroup.processes().contains(pid) else { continue }
                try? pidfd.signalProcess(signal)
            }
        } catch {
            throw .invalid("kill all of \(id)", error.description)
        }
    }
}
