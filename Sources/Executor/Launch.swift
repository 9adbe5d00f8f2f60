import Glibc
package import LinuxSys

/// A running executor, as its supervisor holds it.
package struct ExecutorHandle: ~Copyable {
    package let pid: Int32
    /// Readable when the executor has ended; to be reaped by the supervisor.
    package let pidfd: FD
    /// Records come from here (and a `start` record goes in). Non-blocking.
    package let channel: FD
}

/// Clones an executor process for one job from this process, which must have a single thread.
///
/// Only the clone does the job; it never returns from here. A process that it makes for the container (`started` record)
/// is a child of the caller.
package func launchExecutor(_ job: ExecutorJob) throws(SysError) -> ExecutorHandle {
    let ends = try FD.recordPair()
    let (ours, theirs) = ends.take { (FDBox($0), FDBox($1)) }
    let side = try cloneProcess()
    switch consume side {
    case .child: runExecutor(job, channel: theirs)
    case .parent(let pid, let pidfd):
        let channel = try ours.fd.duplicate()
        try channel.setNonBlocking(true)
        return ExecutorHandle(pid: pid, pidfd: pidfd, channel: channel)
    }
}

/// The clone: lets go of everything of the supervisor's that the job does not need, does it, and ends.
private func runExecutor(_ job: ExecutorJob, channel: FDBox) -> Never {
    do {
        let supervisor = Supervisor(at: channel)
        try supervisor.tellingFailure { () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                try closeDescriptors(except: job.lentDescriptors + [channel.raw])
                try resetSignals()
                // Until the exec of a container's program nobody may look into this process (CVE-2019-5736, and joining).
                try ProcessControl.forbidTracing()
            }
        }
        ProcessControl.setName("swiftlet-exec")
        try job.perform(for: supervisor)
        exitNow(0)
    } catch {
        exitNow(1)
    }
}

/// Does a job in this process: a command with a single thread that waits for it anyway. What takes place in a clone for a supervisor
/// that must not block needs none here, and the process that is made for the container is this one's child.
///
/// - Parameter report: is told of all records but the failure, which is thrown after what was half made is undone.
/// - Returns: the other end of the channel of the container's process, blocking: what it says after `ready`, and the way for `start`.
package func performJob(_ job: ExecutorJob, report: @escaping (ExecutorRecord, FDBox?) -> Void) throws(ExecutorFailure) -> FDBox {
    let ends = try sys { () throws(SysError) in try FD.recordPair() }
    let (ours, theirs) = ends.take { (FDBox($0), FDBox($1)) }
    if job.entersContainer { try sys { () throws(SysError) in try ProcessControl.forbidTracing() } }
    try job.perform(for: Supervisor(at: theirs, end: ours, report: report))
    return ours
}

extension ExecutorJob {
    fileprivate func perform(for supervisor: Supervisor) throws(ExecutorFailure) {
        if let job = foreignJob(for: supervisor) {
            return try supervisor.tellingFailure { () throws(ExecutorFailure) in try perform(by: job) }
        }
        switch self {
        case .create(let request):
            let job = try supervisor.tellingFailure { () throws(ExecutorFailure) in
                try supervisor.timed("read and plan", request.isTraced) { () throws(ExecutorFailure) in try CreateJob(request, supervisor) }
            }
            try supervisor.tellingFailure(then: job.undo) { () throws(ExecutorFailure) in try job.make() }
        case .exec(let request):
            let job = try supervisor.tellingFailure { () throws(ExecutorFailure) in
                try supervisor.timed("read and plan", request.isTraced) { () throws(ExecutorFailure) in try ExecJob(request, supervisor) }
            }
            try supervisor.tellingFailure(then: job.undo) { () throws(ExecutorFailure) in try job.make() }
        case .poststart(let container):
            try supervisor.tellingFailure { () throws(ExecutorFailure) in try LaterJob(container, supervisor).poststart() }
        case .delete(let container):
            try supervisor.tellingFailure { () throws(ExecutorFailure) in try LaterJob(container, supervisor).delete() }
        case .ask(let container, let call):
            try supervisor.tellingFailure { () throws(ExecutorFailure) in
                throw ExecutorFailure(operation: call.words[0], subject: container.id, reason: "no other runtime has made it")
            }
        case .checkpoint(let request):
            try supervisor.tellingFailure { () throws(ExecutorFailure) in try CheckpointJob(request, supervisor).perform() }
        case .restore(let request):
            let job = try supervisor.tellingFailure { () throws(ExecutorFailure) in try RestoreJob(request, supervisor) }
            try supervisor.tellingFailure(then: job.undo) { () throws(ExecutorFailure) in try job.perform() }
        }
    }

    /// When another runtime has the part of the executor.
    private func foreignJob(for supervisor: Supervisor) -> ForeignJob? {
        func job(_ id: String, _ bundle: String, _ options: ExecutorOptions) -> ForeignJob? {
            options.runtime.map { ForeignJob($0, id: id, bundle: bundle, options, supervisor) }
        }
        return switch self {
        case .create(let request): job(request.id, request.bundle, request.options)
        case .restore(let request): job(request.create.id, request.create.bundle, request.create.options)
        case .exec(let request): job(request.container.id, request.container.bundle, request.container.options)
        case .checkpoint(let request): job(request.container.id, request.container.bundle, request.container.options)
        case .poststart(let container), .delete(let container), .ask(let container, _):
            job(container.id, container.bundle, container.options)
        }
    }

    private func perform(by job: ForeignJob) throws(ExecutorFailure) {
        switch self {
        case .create(let request): try job.create(request)
        case .exec(let request): try job.exec(request)
        // The other runtime runs them itself.
        case .poststart: break
        case .delete(let container): try job.delete(container)
        case .ask(_, let call): try job.perform(call)
        case .checkpoint(let request): try job.checkpoint(request)
        case .restore(let request): try job.restore(request)
        }
    }

    fileprivate var entersContainer: Bool {
        switch self {
        case .create, .exec, .restore: true
        case .poststart, .delete, .ask, .checkpoint: false
        }
    }

    /// Numbers that keep their meaning in the clone.
    fileprivate var lentDescriptors: [Int32] {
        var result: [Int32] = []
        func add(_ streams: ProcessStreams, _ preserved: Int32) {
            if case .descriptors(let stdin, let stdout, let stderr) = streams {
                if let stdin { result.append(stdin) }
                if let stdout { result.append(stdout) }
                if let stderr { result.append(stderr) }
            }
            if preserved > 0 { for number in 3..<(3 + preserved) { result.append(number) } }
        }
        switch self {
        case .create(let request):
            add(request.streams, request.preservedDescriptors)
            if case .listener(let number) = request.gate { result.append(number) }
        case .exec(let request):
            add(request.streams, request.preservedDescriptors)
            result.append(request.container.pidfd)
        case .restore(let request): add(request.create.streams, 0)
        case .checkpoint(let request): result.append(request.container.pidfd)
        case .poststart(let container), .delete(let container), .ask(let container, _): result.append(container.pidfd)
        }
        return result
    }
}
