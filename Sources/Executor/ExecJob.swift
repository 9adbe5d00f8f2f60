internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// Starts one more process in a container.
final class ExecJob {
    private let request: ExecRequest
    private let supervisor: Supervisor
    private let prepared: PreparedSetup
    private var made: InitProcess?

    init(_ request: ExecRequest, _ supervisor: Supervisor) throws(ExecutorFailure) {
        self.request = request
        self.supervisor = supervisor
        let container = request.container
        guard container.pidfd >= 0, container.pid > 0 else {
            throw ExecutorFailure(operation: "exec", subject: container.id, reason: "the container does not run")
        }
        let spec = if let known = container.spec { known } else { try Bundle.spec(container) }
        let asked = if let known = request.decoded { known } else { try Bundle.process(request.process) }
        let process = asked.inheriting(from: spec.process)
        try Bundle.checkStreams(request.streams, terminal: process.terminal)
        let abilities = try sys { () throws(SysError) in try Abilities(for: process, in: spec) }
        prepared = PreparedSetup(
            id: container.id, bundle: container.bundle, rootPath: "/", spec: spec, process: process,
            plan: try SetupPlan(
                executing: process, in: spec, id: container.id, streams: request.streams, options: container.options, abilities: abilities),
            streams: request.streams, preservedDescriptors: request.preservedDescriptors,
            host: try sys { () throws(SysError) in try HostPlace(leftFor: []) }, filter: try Bundle.filter(spec.linux.seccomp),
            agent: try Bundle.agent(spec.linux.seccomp))
        prepared.containerPID = container.pid
        prepared.isTraced = request.isTraced
    }

    func make() throws(ExecutorFailure) {
        for warning in prepared.plan.warnings { try supervisor.tell(.warning(warning)) }
        let target = try sys { () throws(SysError) in try ContainerInit(request.container, host: prepared.host) }
        // Inherited by the process; this one only waits from then on.
        if let initial = prepared.process.execCPUAffinity?.initial {
            try sys { () throws(SysError) in try setAffinity(of: 0, initial.words, name: "initial") }
        }
        let cgroup = Cgroup(request.container.cgroup)
        // In a group below it would be in the wrong one.
        let birthplace = request.subgroups.isEmpty ? cgroup.entrance : nil
        let process = try supervisor.timed("clone the process", request.isTraced) { () throws(ExecutorFailure) in
            try clone(target, birthplace)
        }
        made = process
        try supervisor.tell(.started(pid: process.pid), with: process.pidfd)
        try supervisor.warn(ProcessSettings.setMemoryScore(prepared.process.oomScoreAdj, of: process.pid, prepared.host))
        try process.offer(cgroup, request.subgroups, toJoin: !target.kinds.contains(.newUser))
        try process.converse(prepared.process) { () throws(CgroupError) in
            try cgroup.enter(
                pid: process.pid, subgroups: request.subgroups, besides: request.container.pid, isBornInside: process.isBornInside)
        } hooks: {
        }
        try process.release()
    }

    func undo() { made?.end() }

    /// The pid namespace holds for children only, so it is joined here and all else by the child. Without privileges that too can be
    /// done only from within the container's user namespace.
    private func clone(_ container: ContainerInit, _ birthplace: Cgroup.Birthplace?) throws(ExecutorFailure) -> InitProcess {
        let isEnclosed = try sys { () throws(SysError) in try container.kinds.contains(.newUser) ? !isAdministrator() : false }
        guard isEnclosed else {
            return try clone(container, after: [], [], birthplace)
        }
        return try InitProcess.fromAside(supervisor) { flags throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                for label in prepared.plan.labels { try prepared.host.apply(label) }
                try joinNamespace(container.pidfd.fd, .newUser, name: "user")
            }
            return try clone(container, after: .newUser, flags, nil)
        }
    }

    private func clone(
        _ container: ContainerInit, after joined: CloneFlags, _ flags: CloneFlags, _ birthplace: Cgroup.Birthplace?
    ) throws(ExecutorFailure) -> InitProcess {
        try sys { () throws(SysError) in
            if container.kinds.contains(.newPID) { try joinNamespace(container.pidfd.fd, .newPID, name: "pid") }
        }
        return try InitProcess.clone(prepared, flags, gate: .channel, supervisor, birthplace) { () throws(ExecutorFailure) in
            try sys { () throws(SysError) in
                if joined.isEmpty { for label in prepared.plan.labels { try prepared.host.apply(label) } }
                try container.enter(after: joined)
            }
            return MountSources()
        }
    }
}

/// The container's init as a way into its namespaces: everything through its pidfd.
struct ContainerInit {
    let pidfd: FDBox
    /// In which it differs from the runtime: setns(2) refuses the user namespace that one is in already.
    let kinds: CloneFlags
    /// Its root directory, which is that of its mount namespace only after pivot_root.
    private let root: FDBox

    init(_ container: ContainerReference, host: HostPlace) throws(SysError) {
        pidfd = FDBox(try FD.copy(of: container.pidfd))
        var found: CloneFlags = []
        for (kind, name) in Self.names {
            // `mnt:[4026531841]`: the kind and its number, in which no two differ that are not different (namespaces(7)).
            let theirs: String
            do { theirs = try host.proc.fd.readLink("\(container.pid)/ns/\(name)") } catch  where error.errno == ENOENT {
                // Of this kind the kernel has none, or the process is gone, which is asked below.
                continue
            }
            if try theirs != host.proc.fd.readLink("self/ns/\(name)") { found.insert(kind) }
        }
        kinds = found
        root = FDBox(try host.proc.fd.open("\(container.pid)/root", openPathOnly | O_DIRECTORY, resolve: []))
        // What was read by number was its own only if it still lives.
        try pidfd.fd.signalProcess(0)
    }

    /// All but the pid namespace, with its root as the root.
    func enter(after joined: CloneFlags) throws(SysError) {
        let rest = kinds.subtracting(.newPID).subtracting(joined)
        if !rest.isEmpty { try joinNamespace(pidfd.fd, rest, name: "the container's namespaces") }
        try root.fd.makeCurrentDirectory(name: "/")
        try changeRoot(".")
    }

    private static let names: [(CloneFlags, String)] = [
        (.newUser, "user"), (.newMount, "mnt"), (.newPID, "pid"), (.newNetwork, "net"), (.newIPC, "ipc"), (.newUTS, "uts"),
        (.newCgroup, "cgroup"), (.newTime, "time"),
    ]
}
