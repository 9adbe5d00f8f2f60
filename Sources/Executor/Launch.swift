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
                try closeDescriptors(except: job.lentDescriptors.union([channel.raw]))
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
        }
    }

    fileprivate var entersContainer: Bool {
        switch self {
        case .create, .exec: true
        case .poststart, .delete: false
        }
    }

    /// Numbers that keep their meaning in the clone.
    fileprivate var lentDescriptors: Set<Int32> {
        var result: Set<Int32> = [0, 1, 2]
        func add(_ streams: ProcessStreams, _ preserved: Int32) {
            if case .descriptors(let stdin, let stdout, let stderr) = streams {
                result.formUnion([stdin, stdout, stderr].compactMap { $0 })
            }
            if preserved > 0 { result.formUnion(3..<(3 + preserved)) }
        }
        switch self {
        case .create(let request):
            add(request.streams, request.preservedDescriptors)
            if case .listener(let number) = request.gate { result.insert(number) }
        case .exec(let request):
            add(request.streams, request.preservedDescriptors)
            result.insert(request.container.pidfd)
        case .poststart(let container), .delete(let container): result.insert(container.pidfd)
        }
        return result
    }
}
