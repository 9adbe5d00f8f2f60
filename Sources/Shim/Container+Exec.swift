internal import Executor
internal import LinuxSys
internal import TaskAPI

extension Container {
    /// Adds an exec; nothing runs until Start.
    func exec(_ request: ExecProcess) throws(TaskError) {
        let subject = "exec \(request.execID)"
        guard !request.execID.isEmpty else { throw .invalid("exec", "the exec id is empty") }
        guard execs[request.execID] == nil, request.execID != id else { throw .exists(subject) }
        switch initial.machine.phase {
        case .created, .starting, .running: break
        case .creating, .draining, .storing, .exited, .failed, .deleted: throw .wrongPhase(subject, "the container is not running")
        }
        guard let spec = request.spec, !spec.value.isEmpty else { throw .invalid(subject, "the process specification is missing") }
        let targets = try StreamTargets(
            stdin: request.io.stdin, stdout: request.io.stdout, stderr: request.io.stderr, terminal: request.io.terminal)
        let io: ProcessIO
        do throws(SysError) {
            io = try ProcessIO(targets, loop: loop) { [log] in log.warning($0) }
        } catch { throw .kernel(error) }
        let process = ManagedProcess(execID: request.execID, request: request.io, io: io, machine: ProcessMachine(.additional))
        process.spec = spec.value
        if !isWarm { warmExecutors() }
        isWarm = true
        execs[request.execID] = process
        tell(.execAdded(request.execID), .execAdded(id: id, execID: request.execID))
    }
}
