internal import Executor
internal import LinuxSys
internal import OCI
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
        guard freezer == .thawed else { throw .wrongPhase(subject, "the container is paused") }
        guard let spec = request.spec, !spec.value.isEmpty else { throw .invalid(subject, "the process specification is missing") }
        // What its members say is the executor's to judge, at Start.
        let document: JSON
        do throws(JSONError) { document = try JSON(parsing: spec.value) } catch { throw .invalid(subject, error.description) }
        guard document.object != nil else { throw .invalid(subject, "an object expected, found \(document.kind)") }
        let targets = try StreamTargets(
            stdin: request.io.stdin, stdout: request.io.stdout, stderr: request.io.stderr, terminal: request.io.terminal)
        let io: ProcessIO
        do throws(SysError) {
            io = try ProcessIO(targets, owner: options.owner, of: (id, premises.namespace), loop: loop) { [log] in log.warning($0) }
        } catch { throw .kernel(error) }
        let process = ManagedProcess(execID: request.execID, request: request.io, io: io, machine: ProcessMachine(.additional))
        process.spec = spec.value
        if !isWarm { warmExecutors() }
        isWarm = true
        execs[request.execID] = process
        tell(.execAdded(request.execID), .execAdded(id: id, execID: request.execID))
    }
}
