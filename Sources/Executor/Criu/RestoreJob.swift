internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// Makes a container from what criu wrote: the root, mounts, limits and streams are those of the bundle and of the request.
final class RestoreJob {
    private let request: CreateRequest
    private let settings: CriuSettings
    private let supervisor: Supervisor
    private let spec: RuntimeSpec
    private var cgroup: Cgroup?
    private var session: CriuSession?
    private var hooksBegan = false

    init(_ restore: RestoreRequest, _ supervisor: Supervisor) throws(ExecutorFailure) {
        request = restore.create
        settings = restore.settings
        self.supervisor = supervisor
        _ = try CriuSession.find(settings.program, for: "restore")
        spec = try Bundle.spec(request.bundle)
        try Bundle.checkStreams(request.streams, terminal: spec.process?.terminal ?? false)
    }

    private var root: String { "\(request.bundle)/.restored" }

    func perform() throws(ExecutorFailure) {
        let directories = try CriuDirectories(settings, bundle: request.bundle, makes: false)
        let group = try makeCgroup()
        try sys { () throws(SysError) in try makeDirectoryIfMissing(root, mode: 0o700) }
        try RestoredRoot.prepare(spec, bundle: request.bundle, rootfs: request.rootfs, at: root)
        var lent: [FDBox] = []
        let criu = try criuRequest(directories, group, &lent)
        let session = try CriuSession(
            "restore", program: settings.program, logPath: directories.logPath(criu), lent: lent, group: group, flags: supervisor.childFlags
        )
        self.session = session
        var restored: Int32?
        let pid = try session.run(criu) { notice throws(ExecutorFailure) in
            switch notice.script {
            case "setup-namespaces": try runHooks(notice.pid ?? 0)
            case "orphan-pts-master": if let console = notice.descriptor { try supervisor.tell(.console, with: console) }
            case "post-restore": restored = notice.pid
            default: break
            }
        }
        guard let pid = pid ?? restored else {
            throw ExecutorFailure(operation: "criu", subject: "restore", reason: "it named no process")
        }
        // It is the supervisor's child, and nobody else reaps it.
        let process = try sys { () throws(SysError) in FDBox(try FD.pidfd(of: pid)) }
        group.settle()
        try supervisor.tell(.started(pid: pid), with: process)
        leaveRoot()
    }

    func undo() {
        session?.abandon()
        leaveRoot()
        guard let cgroup else { return }
        cgroup.settle()
        do {
            try cgroup.kill()
            try cgroup.remove()
        } catch { try? supervisor.tell(.warning("\(error)")) }
        guard hooksBegan else { return }
        for failure in Hooks.runAll(.poststop, spec.hooks, state: state(.stopped, pid: nil)) {
            try? supervisor.tell(.warning(failure.description))
        }
    }

    private func makeCgroup() throws(ExecutorFailure) -> Cgroup {
        let made: Cgroup
        do {
            made = try Cgroup.create(
                path: spec.linux.cgroupsPath, id: request.id, resources: spec.linux.resources, systemd: request.options.systemdCgroup,
                annotations: spec.annotations)
        } catch { throw ExecutorFailure(error) }
        cgroup = made
        try supervisor.tell(.cgroup(made.record))
        return made
    }

    private func leaveRoot() {
        RestoredRoot.leave(root)
        _ = unsafe rmdir(root)
    }

    private func runHooks(_ pid: Int32) throws(ExecutorFailure) {
        hooksBegan = true
        try RestoredRoot.runHooks(spec, state: state(.creating, pid: pid))
    }

    private func state(_ status: ContainerState.Status, pid: Int32?) -> ContainerState {
        ContainerState(id: request.id, status: status, pid: pid, bundle: request.bundle, annotations: spec.annotations)
    }

    private func criuRequest(_ directories: CriuDirectories, _ group: Cgroup, _ lent: inout [FDBox]) throws(ExecutorFailure) -> CriuRequest
    {
        var criu = try directories.request(.restore, settings)
        criu.root = root
        criu.mounts = CriuBundle.mounts(spec, bundle: request.bundle)
        if !spec.linux.maskedPaths.isEmpty { criu.mounts.append(CriuPair(key: "/dev/null", value: "/dev/null")) }
        do {
            criu.cgroupRoots = try group.membership.map { CriuPair(key: $0.controllers, value: $0.path) }
        } catch { throw ExecutorFailure(error) }
        let names = try CriuBundle.descriptors(in: directories.images.fd)
        for (number, name) in names.enumerated() where name.hasPrefix("pipe:[") {
            lent.append(try stream(number))
            criu.descriptors.append((name, Int32(3 + lent.count)))
        }
        for namespace in spec.linux.namespaces {
            guard let path = namespace.path else { continue }
            guard let outside = CriuBundle.outside.first(where: { $0.kind == namespace.kind }) else {
                criu.joined.append(CriuPair(key: CriuBundle.joinName(namespace.kind), value: path))
                continue
            }
            lent.append(try sys { () throws(SysError) in FDBox(try FD.open(path, O_RDONLY)) })
            criu.descriptors.append((outside.key, Int32(3 + lent.count)))
        }
        return criu
    }

    /// What takes the place of a pipe that was a standard stream.
    private func stream(_ number: Int) throws(ExecutorFailure) -> FDBox {
        var raw: Int32?
        if case .descriptors(let stdin, let stdout, let stderr) = request.streams { raw = [stdin, stdout, stderr][number] }
        return try sys { () throws(SysError) in
            guard let raw else { return FDBox(try FD.open("/dev/null", O_RDWR)) }
            return FDBox(try FD.copy(of: raw))
        }
    }
}
