internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// Makes a container up to the point where its init waits for the word to start.
struct CreateJob {
    private let request: CreateRequest
    private let channel: FDBox
    private var prepared: PreparedSetup
    private let namespaces: NamespacePlan
    private var cgroup: Cgroup?
    private var initial: InitProcess?
    private var hooksBegan = false

    /// Reads, checks and plans; nothing has changed when it throws.
    init(_ request: CreateRequest, channel: FDBox) throws(ExecutorFailure) {
        self.request = request
        self.channel = channel
        var spec = try Bundle.spec(request.bundle)
        request.additions.apply(to: &spec)
        let plan = try SetupPlan(initial: spec, id: request.id, bundle: request.bundle, streams: request.streams, options: request.options)
        guard let process = spec.process else { throw ExecutorFailure(operation: "config.json", subject: "process", reason: "is missing") }
        try Bundle.checkStreams(request.streams, terminal: process.terminal)
        let wanted = NamespacePlan(spec.linux)
        _ = try sys { () throws(SysError) in try wanted.open() }
        namespaces = wanted
        try Bundle.checkHost(spec, hasRootfsMounts: !request.rootfs.isEmpty)
        prepared = PreparedSetup(
            id: request.id, bundle: request.bundle, rootPath: try Bundle.rootPath(spec.root.path, bundle: request.bundle), spec: spec,
            process: process,
            plan: plan, streams: request.streams, preservedDescriptors: request.preservedDescriptors,
            host: try sys { () throws(SysError) in try HostPlace() }, filter: try Bundle.filter(spec.linux.seccomp))
    }

    mutating func run() throws(ExecutorFailure) {
        do {
            try make()
        } catch {
            // Told first: undoing may take its time.
            _ = try? channel.fd.send(ExecutorRecord.failed(error).encoded)
            undo()
            exitNow(1)
        }
    }

    private mutating func make() throws(ExecutorFailure) {
        for warning in prepared.plan.warnings { try tell(.warning(warning)) }
        let linux = prepared.spec.linux
        do {
            cgroup = try Cgroup.create(
                path: linux.cgroupsPath, id: request.id, resources: linux.resources, systemd: request.options.systemdCgroup)
        } catch { throw ExecutorFailure(error) }
        prepared.cgroup = cgroup
        let process = try InitProcess.spawn(prepared, namespaces, request, channel: channel)
        initial = process
        try tell(.started(pid: process.pid), fds: [process.pidfd.raw])
        if let cgroup { try tell(.cgroup(CgroupPaths(cgroup.entries.map { .init(controller: $0.controller, directory: $0.directory) }))) }
        try admit(process)
        try process.converse(prepared.process) { () throws(ExecutorFailure) in
            hooksBegan = true
            let state = prepared.state(.creating, pid: process.pid)
            try Hooks.run(.prestart, prepared.spec.hooks, state: state)
            try Hooks.run(.createRuntime, prepared.spec.hooks, state: state)
        }
        // The record first: nothing that init does after its release may come before it.
        try tell(.ready)
        try process.release()
    }

    /// What only a privileged process outside can do for it.
    private func admit(_ process: InitProcess) throws(ExecutorFailure) {
        let linux = prepared.spec.linux
        try sys { () throws(SysError) in
            if namespaces.makesUser {
                try prepared.host.write(linux.uidMappings.map(\.line).joined(), of: process.pid, "uid_map")
                try prepared.host.write(linux.gidMappings.map(\.line).joined(), of: process.pid, "gid_map")
            }
            if let score = prepared.process.oomScoreAdj { try prepared.host.write("\(score)", of: process.pid, "oom_score_adj") }
        }
        if let cgroup {
            do { try cgroup.add(pid: process.pid) } catch { throw ExecutorFailure(error) }
        }
        if !linux.netDevices.isEmpty {
            try sys { () throws(SysError) in
                let devices = try NetDevices(host: prepared.host, pid: process.pid)
                for device in linux.netDevices { try devices.move(device) }
            }
        }
        try process.begin()
    }

    private func tell(_ record: ExecutorRecord, fds: [Int32] = []) throws(ExecutorFailure) {
        try sys { () throws(SysError) in try channel.fd.send(record.encoded, fds: fds) }
    }

    /// Nothing half made stays: the process, its cgroup; and what the runtime's hooks did is theirs to undo.
    private func undo() {
        var failures: [String] = []
        if let initial { initial.end() }
        if let cgroup {
            do {
                try cgroup.kill()
                try cgroup.remove()
            } catch { failures.append("\(error)") }
        }
        if hooksBegan {
            let state = ContainerState(
                id: request.id, status: .stopped, pid: nil, bundle: request.bundle, annotations: prepared.spec.annotations)
            failures += Hooks.runAll(.poststop, prepared.spec.hooks, state: state).map(\.description)
        }
        for failure in failures { _ = try? channel.fd.send(ExecutorRecord.warning(failure).encoded) }
    }
}

extension PreparedSetup {
    func state(_ status: ContainerState.Status, pid: Int32) -> ContainerState {
        ContainerState(id: id, status: status, pid: pid, bundle: bundle, annotations: spec.annotations)
    }
}

extension IDMapping {
    /// user_namespaces(7).
    var line: String { "\(containerID) \(hostID) \(size)\n" }
}

extension ExecutorFailure {
    init(_ error: CgroupError) {
        switch error {
        case .kernel(let failure): self.init(failure)
        case .unsupported(let field, let reason): self.init(operation: "config.json", subject: field, reason: reason)
        default: self.init(operation: "cgroup", subject: "", reason: "\(error)")
        }
    }
}
