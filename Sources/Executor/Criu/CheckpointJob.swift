internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// Has criu write a container's processes into files. What the container is made of stays in its bundle.
struct CheckpointJob {
    private let request: CheckpointRequest
    private let supervisor: Supervisor

    init(_ request: CheckpointRequest, _ supervisor: Supervisor) throws(ExecutorFailure) {
        self.request = request
        self.supervisor = supervisor
        guard request.container.pid > 0 else {
            throw ExecutorFailure(operation: "checkpoint", subject: request.container.id, reason: "the container does not run")
        }
        _ = try CriuSession.find(request.settings.program, for: "checkpoint")
    }

    func perform() throws(ExecutorFailure) {
        let container = request.container
        let spec = try Bundle.spec(container)
        let directories = try CriuDirectories(request.settings, bundle: container.bundle, makes: true)
        let criu = try criuRequest(spec, directories)
        try sys { () throws(SysError) in try CriuBundle.writeDescriptors(of: container.pid, to: directories.images.fd) }
        let session = try CriuSession(
            "checkpoint", program: request.settings.program, logPath: directories.logPath(criu), lent: [], group: nil)
        _ = try session.run(criu) { _ in }
        // Where the log is nobody's but ours it has told what it had to.
        if request.settings.work.isEmpty { removeWork(directories.workPath) }
        try supervisor.tell(.done)
    }

    private func criuRequest(_ spec: RuntimeSpec, _ directories: CriuDirectories) throws(ExecutorFailure) -> CriuRequest {
        let container = request.container
        var settings = request.settings
        if !request.ends { settings.flags.insert("leave-running") }
        var criu = try directories.request(.dump, settings)
        criu.root = spec.root.path.hasPrefix("/") ? spec.root.path : "\(container.bundle)/\(spec.root.path)"
        criu.pid = container.pid
        criu.freezer = container.cgroup.entries.first { $0.controller == "freezer" || $0.isUnified }?.path
        criu.mounts = CriuBundle.mounts(spec, bundle: container.bundle).map { CriuPair(key: $0.key, value: $0.key) }
        criu.mounts += CriuBundle.maskedFiles(spec, pid: container.pid).map { CriuPair(key: $0, value: "/dev/null") }
        for (kind, name, key) in CriuBundle.outside {
            guard let path = spec.linux.namespace(kind)?.path else { continue }
            let inode = try sys { () throws(SysError) in try FD.open(path, O_RDONLY).info(name: path).inode }
            criu.external.append("\(name)[\(inode)]:\(key)")
        }
        return criu
    }

    private func removeWork(_ path: String) {
        for name in ["dump.log", "stats-dump"] { removeFile("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }
}
