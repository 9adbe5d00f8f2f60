internal import Cgroups
internal import EventLoop
internal import Executor
import Glibc
internal import LinuxSys
internal import TaskAPI

extension Container {
    /// Hooks may take their time; nothing else of a set-up takes long.
    static let createDeadline: UInt64 = 180_000_000_000

    func create(_ reply: @escaping (Result<UInt32, TaskError>) -> Void) {
        initial.pendingReply = reply
        initial.began = monotonicNanoseconds()
        initial.span = premises.trace?.begin("create")
        if options.executor.runtime != nil || !request.checkpoint.isEmpty { adoptOrphans() }
        let stdio = premises.trace?.begin("open stdio", in: initial.span)
        initial.io.prepare { [self] problem in
            premises.trace?.end(stdio)
            if let problem { return refuseCreate(problem) }
            guard request.checkpoint.isEmpty else { return createFromCheckpoint() }
            do throws(TaskError) {
                try launch(initial, .create(createRequest), operation: "create", deadline: Self.createDeadline)
            } catch { refuseCreate(error) }
        }
    }

    var createRequest: CreateRequest {
        var job = CreateRequest(id: id, bundle: bundle, streams: initial.io.processStreams)
        job.rootfs = request.rootfs.map {
            RootfsMount(type: $0.type, source: $0.source, target: $0.target, options: $0.options)
        }
        job.options = options.executor
        job.isTraced = premises.trace != nil
        return job
    }

    /// Nothing was made yet.
    private func refuseCreate(_ error: TaskError) {
        initial.io.close()
        onGone?(nil)
        initial.answer(.failure(error), on: loop)
    }

    /// As soon as init and its cgroup are known, so that even a shim that is killed now leaves word of them.
    func writeRecordIfDue() {
        if record == .written, recorded != cgroupPaths { return writeRecord() }
        guard record == .unwritten, initial.machine.pid > 0, !cgroupPaths.entries.isEmpty else { return }
        writeRecord()
    }

    func writeRecord() {
        record = .writing
        recorded = cgroupPaths
        let span = premises.trace?.begin("write the record", in: initial.span)
        let content = taskRecord(ending: nil)
        let bundle = bundle
        ForkedWork.files(in: bundle, on: loop, deadline: 10_000_000_000) { () throws(SysError) -> Int32 in
            try replaceFile(at: "\(bundle)/\(TaskRecord.fileName)", with: content.encoded)
            return Int32(LaterWork(in: bundle).rawValue)
        } done: { [weak self] result in
            guard let self else { return }
            if result == nil {
                log.warning("write \(bundle)/\(TaskRecord.fileName): failed; a later delete will not find what this shim leaves")
            }
            premises.trace?.end(span)
            laterWork = result.map { LaterWork(rawValue: UInt8($0)) } ?? .all
            // What the executor made is not what it had announced: a directory was there before.
            if recorded != cgroupPaths { return writeRecord() }
            record = .written
            if restore == .restored { finishRestore() } else { finishCreate() }
            let next = afterRecord
            afterRecord = nil
            next?()
        }
    }

    func taskRecord(ending: Ending?) -> TaskRecord {
        let pid = initial.machine.pid
        return TaskRecord(
            id: id, pid: pid, startTime: processStartTime(pid) ?? 0, cgroup: cgroupPaths, options: options.executor, ending: ending)
    }

    func watchForOOM() {
        oomWatch = OOMWatcher(cgroup, loop: loop, log: log) { [weak self] in
            guard let self else { return }
            tell(.oom, .oom(id: id))
        }
    }

    /// When init waits at its gate and the record is on disk, Create is answered.
    func finishCreate() {
        // Init may have died meanwhile: it was created all the same, and its exit waits for this event.
        let pid: Int32
        switch initial.machine.phase {
        case .created(let number), .storing(let number, _), .exited(let number, _): pid = number
        case .creating, .starting, .running, .draining, .failed, .deleted: return
        }
        guard !isCreated, initial.pendingReply != nil else { return }
        guard record == .written else {
            if record == .unwritten { writeRecord() }
            return
        }
        isCreated = true
        if initial.machine.isAlive { watchForOOM() }
        let number = UInt32(bitPattern: pid)
        tell(
            .create,
            .create(id: id, bundle: bundle, rootfs: request.rootfs, io: request.io, checkpoint: request.checkpoint, pid: number))
        logPhase("created, pid \(pid)", initial)
        initial.answer(.success(number), on: loop)
    }
}
