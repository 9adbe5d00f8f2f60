internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// What is done for a container after its creation.
struct LaterJob {
    let container: ContainerReference
    let supervisor: Supervisor

    init(_ container: ContainerReference, _ supervisor: Supervisor) {
        self.container = container
        self.supervisor = supervisor
    }

    /// runtime.md, "Lifecycle": when one fails the container is stopped, and start is an error.
    func poststart() throws(ExecutorFailure) {
        let spec = try spec()
        let state = ContainerState(
            id: container.id, status: .running, pid: container.pid, bundle: container.bundle, annotations: spec.annotations)
        do throws(ExecutorFailure) {
            try Hooks.run(.poststart, spec.hooks, state: state)
        } catch {
            killInit()
            throw error
        }
        try supervisor.tell(.done)
    }

    func delete() throws(ExecutorFailure) {
        killInit()
        let cgroup = Cgroup(container.cgroup)
        do {
            if try !cgroup.removeIfEmpty() {
                try cgroup.kill()
                try cgroup.remove()
            }
        } catch { throw ExecutorFailure(error) }
        do {
            let spec = try spec()
            removeClass(spec)
            let state = ContainerState(
                id: container.id, status: .stopped, pid: nil, bundle: container.bundle, annotations: spec.annotations)
            warn(Hooks.runAll(.poststop, spec.hooks, state: state))
        } catch {
            // Whoever removes a bundle before its container loses the hooks, not the removal.
            warn([error])
        }
        try supervisor.tell(.done)
    }

    /// Its tasks are gone with the cgroup.
    private func removeClass(_ spec: RuntimeSpec) {
        do throws(ExecutorFailure) {
            let resctrl = try Resctrl.find(spec.linux.intelRdt, id: container.id)
            try sys { () throws(SysError) in try resctrl?.remove() }
        } catch { warn([error]) }
    }

    private func killInit() {
        guard container.pidfd >= 0, let pidfd = try? FD.copy(of: container.pidfd) else { return }
        // ESRCH: it is gone already.
        try? pidfd.signalProcess(SIGKILL)
        _ = try? pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: 10_000)
    }

    private func warn(_ failures: [ExecutorFailure]) {
        for failure in failures { try? supervisor.tell(.warning(failure.description)) }
    }

    private func spec() throws(ExecutorFailure) -> RuntimeSpec {
        if let known = container.spec { return known }
        return try Bundle.spec(container)
    }
}
