import Cgroups
import Executor
import Glibc
import LinuxSys
import OCI

/// `restore`: a container from a bundle, with the processes that criu wrote into files.
///
/// The images say what was in the processes. The root, mounts, namespaces to join, limits and streams are those of the bundle and of
/// the caller, whatever the images say (CVE-2026-53492).
struct RestoreCommand {
    private let call: Invocation
    private let id: String
    private let bundle: String
    private let configuration: [UInt8]
    private let spec: RuntimeSpec

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        id = try call.given.one("the container's id", of: "restore")
        try StateStore.check(id)
        bundle = try Files.absolute(call.given.value("bundle") ?? ".")
        let path = "\(bundle)/config.json"
        configuration = try Files.document(path)
        spec = try Files.spec(configuration, path)
        try Relay.checkConsole(call.given, terminal: spec.process?.terminal ?? false, detached: call.given.has("detach"))
    }

    func run() throws(CommandError) -> Int32 {
        let program = try executor { () throws(ExecutorFailure) in try CriuSession.find(call.criu, for: "restore") }
        let places = try CriuPlaces(call.given, makes: false)
        var record = ContainerRecord(
            id: id, bundle: bundle, rootfs: Files.join(bundle, spec.root.path), created: Clock.now(fraction: true),
            annotations: spec.annotations, options: call.options)
        record.creator = ProcessIdentity(of: getpid())
        record.cgroup = try missingCgroup()
        try call.store.make(record, configuration)
        do {
            let made = try cgroup { () throws(CgroupError) in
                try Cgroup.create(
                    path: spec.linux.cgroupsPath, id: id, resources: spec.linux.resources, systemd: call.options.systemdCgroup,
                    annotations: spec.annotations)
            }
            record.cgroup = made.record
            try call.store.save(record)
            return try restore(&record, places, program, made)
        } catch {
            RestoredRoot.leave(root)
            // What of it lives is in its cgroup.
            record.creator = nil
            do { try DeleteCommand.remove(record, call) } catch { call.store.remove(id) }
            throw error
        }
    }

    private func missingCgroup() throws(CommandError) -> CgroupPaths {
        CgroupPaths(
            try cgroup { () throws(CgroupError) in
                try Cgroup.missing(path: spec.linux.cgroupsPath, id: id, systemd: call.options.systemdCgroup)
            })
    }

    private var root: String { "\(call.store.directory(id))/root" }

    private func restore(_ record: inout ContainerRecord, _ places: CriuPlaces, _ program: String, _ group: Cgroup)
        throws(CommandError) -> Int32
    {
        let signals = call.given.has("detach") ? nil : try Relay.catchSignals(reaping: !call.given.has("no-subreaper"))
        guard unsafe mkdir(root, 0o700) == 0 else { throw .kernel(SysError(errno, "mkdir", on: root)) }
        do { try RestoredRoot.prepare(spec, bundle: bundle, at: root) } catch { throw .executor(error) }
        var lent: [FDBox] = []
        let request = try request(places, root: root, group, &lent)
        let session = try executor { () throws(ExecutorFailure) in
            try CriuSession("restore", program: program, logPath: places.logPath(request), lent: lent, group: group)
        }
        var console: FDBox?
        var restored: Int32?
        do {
            let pid = try executor { () throws(ExecutorFailure) in
                try session.run(request) { notice throws(ExecutorFailure) in
                    call.log.debug("criu: \(notice.script)")
                    switch notice.script {
                    case "setup-namespaces": try runHooks(notice.pid ?? 0)
                    case "orphan-pts-master": console = notice.descriptor
                    case "post-restore": restored = notice.pid
                    default: break
                    }
                }
            }
            restored = pid ?? restored
        } catch {
            session.abandon()
            group.settle()
            throw error
        }
        guard let pid = restored, let identity = ProcessIdentity(of: pid), let process = identity.living() else {
            throw .state(operation: "restore", id: id, reason: "criu named no process that lives")
        }
        record.process = identity
        record.creator = nil
        try call.store.save(record)
        group.settle()
        RestoredRoot.leave(root)
        return try follow((pid, process), console, signals)
    }

    private func follow(_ process: (pid: Int32, pidfd: FDBox), _ console: FDBox?, _ signals: FDBox?) throws(CommandError) -> Int32 {
        if let socket = call.given.value("console-socket"), let console { try Files.send(console, named: "/dev/pts", to: socket) }
        try Files.writePid(process.pid, to: call.given.value("pid-file"))
        guard let signals else { return 0 }
        var relay = Relay(process: process, console: console, signals: signals)
        let status = try relay.run()
        try DeleteCommand.remove(id, call)
        return Int32(status.number)
    }

    private func runHooks(_ pid: Int32) throws(ExecutorFailure) {
        let state = ContainerState(id: id, status: .creating, pid: pid, bundle: bundle, annotations: spec.annotations)
        try RestoredRoot.runHooks(spec, state: state)
    }

    private func request(_ places: CriuPlaces, root: String, _ group: Cgroup, _ lent: inout [FDBox]) throws(CommandError) -> CriuRequest {
        var request = try places.request(.restore)
        request.root = root
        request.mounts = CriuBundle.mounts(spec, bundle: bundle)
        if !spec.linux.maskedPaths.isEmpty { request.mounts.append(CriuPair(key: "/dev/null", value: "/dev/null")) }
        request.cgroupRoots = try cgroup { () throws(CgroupError) in try group.membership }.map {
            CriuPair(key: $0.controllers, value: $0.path)
        }
        request.lsmProfile = call.given.value("lsm-profile")
        request.lsmMountContext = call.given.value("lsm-mount-context")
        let streams = try executor { () throws(ExecutorFailure) in try CriuBundle.descriptors(in: places.images.fd) }
        for (number, name) in streams.enumerated() where name.hasPrefix("pipe:[") {
            lent.append(FDBox(try kernel { () throws(SysError) in try FD.copy(of: Int32(number)) }))
            request.descriptors.append((name, Int32(3 + lent.count)))
        }
        for namespace in spec.linux.namespaces {
            guard let path = namespace.path else { continue }
            guard let outside = CriuBundle.outside.first(where: { $0.kind == namespace.kind }) else {
                request.joined.append(CriuPair(key: CriuBundle.joinName(namespace.kind), value: path))
                continue
            }
            lent.append(FDBox(try kernel { () throws(SysError) in try FD.open(path, O_RDONLY) }))
            request.descriptors.append((outside.key, Int32(3 + lent.count)))
        }
        return request
    }
}
