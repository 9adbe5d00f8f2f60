internal import Cgroups
import Glibc
package import LinuxSys
internal import OCI

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
        try sys { () throws(SysError) in
            try closeDescriptors(except: job.lentDescriptors.union([channel.raw]))
            try resetSignals()
            // Until the exec of a container's program nobody may look into this process (CVE-2019-5736, and joining).
            try ProcessControl.forbidTracing()
        }
        ProcessControl.setName("swiftlet-exec")
        switch job {
        case .create(let request):
            var job = try CreateJob(request, channel: channel)
            try job.run()
        case .exec(let request):
            var job = try ExecJob(request, channel: channel)
            try job.run()
        case .poststart(let container): try LaterJob(container, channel: channel).poststart()
        case .delete(let container): try LaterJob(container, channel: channel).delete()
        }
        exitNow(0)
    } catch {
        _ = try? channel.fd.send(ExecutorRecord.failed(error).encoded)
        exitNow(1)
    }
}

extension ExecutorJob {
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

/// What is done for a container after its creation.
private struct LaterJob {
    let container: ContainerReference
    let channel: FDBox

    init(_ container: ContainerReference, channel: FDBox) {
        self.container = container
        self.channel = channel
    }

    /// runtime.md, "Lifecycle": a failing hook is warned of.
    func poststart() throws(ExecutorFailure) {
        let spec = try Bundle.spec(container.bundle)
        let state = ContainerState(
            id: container.id, status: .running, pid: container.pid, bundle: container.bundle, annotations: spec.annotations)
        warn(Hooks.runAll(.poststart, spec.hooks, state: state))
        try tell(.done)
    }

    func delete() throws(ExecutorFailure) {
        if container.pidfd >= 0 { killInit() }
        let cgroup = Cgroup(entries: container.cgroup.entries.map { ($0.controller, $0.directory) })
        do {
            try cgroup.kill()
            try cgroup.remove()
        } catch { throw ExecutorFailure(error) }
        do {
            let spec = try Bundle.spec(container.bundle)
            let state = ContainerState(
                id: container.id, status: .stopped, pid: nil, bundle: container.bundle, annotations: spec.annotations)
            warn(Hooks.runAll(.poststop, spec.hooks, state: state))
        } catch {
            // Whoever removes a bundle before its container loses the hooks, not the removal.
            warn([error])
        }
        try tell(.done)
    }

    private func killInit() {
        let pidfd = FD(owning: container.pidfd)
        // ESRCH: it is gone already.
        try? pidfd.signalProcess(SIGKILL)
        _ = try? pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: 10_000)
    }

    private func warn(_ failures: [ExecutorFailure]) {
        for failure in failures { _ = try? channel.fd.send(ExecutorRecord.warning(failure.description).encoded) }
    }

    private func tell(_ record: ExecutorRecord) throws(ExecutorFailure) {
        try sys { () throws(SysError) in try channel.fd.send(record.encoded) }
    }
}
