internal import Cgroups
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// Questions that are answered at once, whatever else is in progress (rule 9).
extension Container {
    func state(_ execID: String) throws(TaskError) -> TaskReply {
        let process = try process(execID)
        let ending = process.machine.ending
        return .state(
            ProcessState(
                id: id, execID: execID, bundle: bundle, pid: UInt32(bitPattern: process.machine.pid), status: status(of: process),
                io: process.request, exitStatus: ending?.status ?? 0, exitedAt: ending?.time))
    }

    private func status(of process: ManagedProcess) -> TaskStatus {
        switch process.machine.phase {
        case .creating, .created: return .created
        // Until its exit may be told, it runs.
        case .starting, .running, .draining, .storing:
            switch freezer {
            case .thawed, .thawing: return .running
            case .freezing: return .pausing
            case .frozen: return .paused
            }
        case .exited, .failed, .deleted: return .stopped
        }
    }

    func pids() throws(TaskError) -> TaskReply {
        guard !cgroupPaths.entries.isEmpty else { return .pids([]) }
        do throws(CgroupError) {
            let known = Dictionary(execs.map { ($0.value.machine.pid, $0.key) }) { first, _ in first }
            return .pids(try cgroup.processes().map { ProcessEntry(pid: UInt32(bitPattern: $0), execID: known[$0] ?? "") })
        } catch { throw .invalid("pids of \(id)", error.description) }
    }

    func closeIO(_ execID: String, stdin: Bool) throws(TaskError) {
        let process = try process(execID)
        if stdin { process.io.closeInput() }
    }

    func resize(_ execID: String, width: UInt32, height: UInt32) throws(TaskError) {
        let process = try process(execID)
        guard let columns = UInt16(exactly: width), let rows = UInt16(exactly: height) else {
            throw .invalid("resize", "\(width) × \(height) is no size of a terminal")
        }
        try process.io.resize(rows: rows, columns: columns)
    }
}
