internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// Checkpoint, and the way back: Create from a checkpoint makes nothing but the task; Start restores it, as containerd's own shim does.
extension Container {
    /// Memory of any size has to be written.
    private static let checkpointDeadline: UInt64 = 600_000_000_000

    func checkpoint(_ path: String, _ options: CheckpointOptions, _ reply: @escaping Reply) throws(TaskError) {
        let subject = "checkpoint \(id)"
        guard isRunning else { throw .wrongPhase(subject, "the container is not running") }
        let images = path.isEmpty ? (options.imagePath.isEmpty ? self.options.criuImagePath : options.imagePath) : path
        guard images.hasPrefix("/") else { throw .invalid(subject, "path \(images): an absolute path expected") }
        var settings = settings(images)
        if !options.workPath.isEmpty { settings.work = options.workPath }
        settings.parent = options.parentPath
        settings.emptyNamespaces = options.emptyNamespaces
        settings.cgroupMode = options.cgroupsMode
        let flags = [
            ("tcp-established", options.openTCP), ("ext-unix-sk", options.externalUnixSockets), ("shell-job", options.terminal),
            ("file-locks", options.fileLocks),
        ]
        settings.flags = Set(flags.filter(\.1).map(\.0))
        let job = CheckpointRequest(reference, settings, ends: options.exit)
        run(.checkpoint(job), "checkpoint", deadline: Self.checkpointDeadline) { [self] problem in
            if let problem { return reply(.failure(problem)) }
            tell(.other, .checkpointed(id: id, checkpoint: images))
            reply(.success(.empty))
        }
    }

    private func settings(_ images: String) -> CriuSettings {
        var settings = CriuSettings(images: images)
        if !options.criuPath.isEmpty { settings.program = options.criuPath }
        settings.work = options.criuWorkPath
        return settings
    }

    func createFromCheckpoint() {
        restore = .waiting
        initial.machine.awaitRestore()
        finishCreate()
    }

    func startRestore() {
        restore = .underWay
        record = .unwritten
        var settings = settings(request.checkpoint)
        settings.parent = request.parentCheckpoint
        let job = RestoreRequest(createRequest, settings)
        do throws(TaskError) {
            try launch(initial, .restore(job), operation: "restore", deadline: Self.checkpointDeadline)
        } catch { abort(initial, error) }
    }

    /// The executor has said all. Init runs when it has told of one; its record goes to disk before anything else can be told.
    func restoreEnded() {
        guard initial.machine.pid > 0 else { return finishRestore() }
        restore = .restored
        switch record {
        case .unwritten: writeRecord()
        case .writing: break
        case .written: finishRestore()
        }
    }

    func finishRestore() { act(initial.machine.channelEnded(now: realtimeNanoseconds()), on: initial) }

    /// The task was told of: it has ended now, and stays for Delete.
    func finishFailedRestore(_ error: TaskError) {
        removeRemains { [self] problem in
            if let problem { log.warning("after a failed restore: \(problem)") }
            if let ending = initial.machine.ending { tellExit(initial, pid: 0, ending) }
            initial.answer(.failure(error), on: loop)
        }
    }
}
