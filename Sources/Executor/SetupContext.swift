internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// What the steps of a plan refer to.
final class SetupContext {
    private let prepared: PreparedSetup
    private(set) var sources = MountSources()
    let link: SetupLink
    /// Once it is made.
    private(set) var cgroup: Cgroup?
    /// The first masked directory's mount: it is read-only, so that the others can show the same file system.
    var emptyDirectory: FDBox?
    /// Where the last device was made.
    var deviceDirectory: OpenDirectory?

    struct OpenDirectory {
        let path: String
        let place: FDBox
    }
    private var doors: [FDBox] = []
    let isInRoot: Bool

    var id: String { prepared.id }
    var bundle: String { prepared.bundle }
    /// Absolute, without links; only init needs it.
    var rootPath: String { prepared.rootPath }
    var spec: RuntimeSpec { prepared.spec }
    var process: ProcessSpec { prepared.process }
    var plan: SetupPlan { prepared.plan }
    var streams: ProcessStreams { prepared.streams }
    var preservedDescriptors: Int32 { prepared.preservedDescriptors }
    var host: HostPlace { prepared.host }
    /// As the executor sees it; nil when nothing of it is mounted.
    var cgroupHost: CgroupHost? { prepared.cgroupHost }
    var isTraced: Bool { prepared.isTraced }
    var proc: FDBox { host.proc }
    var null: FDBox { host.null }

    /// - Parameter isInRoot: the root is the working directory of whom is cloned: a copy of the mount namespace takes it along, whatever
    ///   stands on the way there.
    init(_ prepared: PreparedSetup, link: SetupLink, isInRoot: Bool) {
        self.prepared = prepared
        self.link = link
        self.isInRoot = isInRoot
    }

    func state(_ status: ContainerState.Status, pid: Int32) -> ContainerState {
        ContainerState(id: id, status: status, pid: pid, bundle: bundle, annotations: spec.annotations)
    }

    func loadFilter(_ status: ContainerState.Status) throws(ExecutorFailure) {
        guard let filter = prepared.filter else { return }
        guard let agent = prepared.agent else {
            do { try filter.load() } catch { throw ExecutorFailure(operation: "seccomp", subject: "load", reason: "\(error)") }
            return
        }
        let pid = try sys { () throws(SysError) in try host.ownPID() }
        let told = ContainerProcessState(
            pid: pid, metadata: spec.linux.seccomp?.listenerMetadata, state: state(status, pid: prepared.containerPID ?? pid))
        do { try filter.load(agent: agent.fd, telling: told.encoded()) } catch {
            throw ExecutorFailure(operation: "seccomp", subject: "load", reason: "\(error)")
        }
    }

    /// By itself where nothing is in the way: a filter may forbid it, and in a user namespace the executor has the privilege.
    func setLimits() throws(ExecutorFailure) {
        let isFiltered = prepared.filter != nil && !process.noNewPrivileges
        if isFiltered || spec.linux.namespace(.user) != nil { return try link.awaitLimits() }
        try sys { () throws(SysError) in try ProcessSettings.set(process, of: 0) }
    }

    /// Waits for the cgroup to be made, once.
    func awaitCgroup() throws(ExecutorFailure) {
        guard cgroup == nil else { return }
        let (paths, doors) = try link.awaitCgroup()
        cgroup = Cgroup(paths)
        self.doors = doors
    }

    /// By itself where it can: the kernel has less to wait for than when another process is moved.
    func joinCgroup() throws(ExecutorFailure) {
        try awaitCgroup()
        guard !doors.isEmpty else { return try link.askToJoin() }
        for door in doors {
            // What is refused to this process, the executor does, or says why not.
            do { try Cgroup.enter(through: door) } catch { return try link.askToJoin() }
        }
        doors = []
    }

    /// Does the plan, and never returns: the process becomes the program, or tells why not and ends.
    func run(first: () throws(SysError) -> Void, entering: () throws(ExecutorFailure) -> MountSources) -> Never {
        do {
            try sys(first)
            if prepared.awaitsBegin { try link.awaitBegin() }
            sources = try entering()
            var apply = try Apply(self)
            try apply.run()
        } catch {
            link.report(error)
            exitNow(1)
        }
    }
}

/// Everything that could be checked and opened before anything changed. Nothing of it changes once the process is cloned.
final class PreparedSetup {
    let id: String
    let bundle: String
    let rootPath: String
    let spec: RuntimeSpec
    let process: ProcessSpec
    let plan: SetupPlan
    let streams: ProcessStreams
    let preservedDescriptors: Int32
    let host: HostPlace
    let filter: SeccompFilter?
    /// Connected to who decides on system calls, where the filter leaves that to somebody.
    let agent: FDBox?
    /// Of the container's init, for what joins it.
    var containerPID: Int32?
    /// Where cgroup file systems are to be mounted.
    var cgroupHost: CgroupHost?
    /// The process waits first: its ids are mapped and its network devices come from outside.
    var awaitsBegin = false
    var isTraced = false
    /// Only in a user namespace can anything be done for the container.
    var isUnprivileged = false

    init(
        id: String, bundle: String, rootPath: String, spec: RuntimeSpec, process: ProcessSpec, plan: SetupPlan, streams: ProcessStreams,
        preservedDescriptors: Int32, host: HostPlace, filter: SeccompFilter?, agent: FDBox?
    ) {
        self.id = id
        self.bundle = bundle
        self.rootPath = rootPath
        self.spec = spec
        self.process = process
        self.plan = plan
        self.streams = streams
        self.preservedDescriptors = preservedDescriptors
        self.host = host
        self.filter = filter
        self.agent = agent
    }
}

/// The runtime's own view of the host, opened before the executor joins or makes anything.
final class HostPlace {
    /// The host's procfs, checked to be one: what is written below it cannot be redirected by a container's mounts.
    let proc: FDBox
    let null: FDBox
    private let root: FDBox
    /// Nil when the mount namespace is not left.
    private let directory: FDBox?
    private let namespaces: [OwnNamespace]

    /// `kinds`: the namespaces that this process is about to leave for a while.
    init(leftFor kinds: CloneFlags) throws(SysError) {
        let proc = try FD.open("/proc", openPathOnly | O_DIRECTORY)
        guard try proc.fileSystem().magic == FileSystemInfo.procMagic else {
            throw SysError(ENODEV, "open", on: "/proc (must be a procfs)")
        }
        let null = try FD.open("/dev/null", O_RDWR)
        let info = try null.info(name: "/dev/null")
        guard info.isCharacterDevice, info.major == 1, info.minor == 3 else {
            throw SysError(ENODEV, "open", on: "/dev/null (must be character device 1:3)")
        }
        root = FDBox(try FD.open("/", openPathOnly | O_DIRECTORY))
        var found: [OwnNamespace] = []
        func keep(_ kind: CloneFlags, _ name: String) throws(SysError) {
            if kinds.contains(kind) { found.append(try OwnNamespace(kind, name)) }
        }
        try keep(.newPID, "pid")
        try keep(.newNetwork, "net")
        try keep(.newIPC, "ipc")
        try keep(.newUTS, "uts")
        try keep(.newCgroup, "cgroup")
        try keep(.newTime, "time")
        try keep(.newMount, "mnt")
        namespaces = found
        directory = kinds.contains(.newMount) ? FDBox(try FD.open(".", openPathOnly | O_DIRECTORY)) : nil
        self.proc = FDBox(proc)
        self.null = FDBox(null)
    }

    /// A class, as of lists of objects there is one type for all.
    private final class OwnNamespace {
        let kind: CloneFlags
        let name: String
        let file: FD

        init(_ kind: CloneFlags, _ name: String) throws(SysError) {
            self.kind = kind
            self.name = name
            file = try FD.open("/proc/self/ns/\(name)", O_RDONLY)
        }
    }

    /// Back into the runtime's own namespaces, where hooks run and cgroups are removed. The mount namespace comes last:
    /// joining it takes the working directory and the root along (setns(2)).
    func comeBack(from changed: CloneFlags) throws(SysError) {
        for namespace in namespaces where changed.contains(namespace.kind) {
            try joinNamespace(namespace.file, namespace.kind, name: namespace.name)
        }
        guard changed.contains(.newMount) else { return }
        try root.fd.makeCurrentDirectory(name: "/")
        try changeRoot(".")
        try directory?.fd.makeCurrentDirectory(name: ".")
    }

    /// A file of this procfs with nothing mounted over it and no link on the way; its own file system is looked at again, because what
    /// is written decides about the confinement of the container (CVE-2025-52881).
    func openForWriting(_ path: String) throws(SysError) -> FD {
        let file = try proc.fd.open(path, O_WRONLY, resolve: [.beneath, .noSymlinks, .noMountCrossing])
        guard try file.fileSystem().magic == FileSystemInfo.procMagic else { throw SysError(ENODEV, "open", on: path) }
        return file
    }

    /// The number of this process as the host sees it, wherever the process is now.
    func ownPID() throws(SysError) -> Int32 {
        let text = try proc.fd.readLink("self")
        guard let pid = Int32(text) else { throw SysError(ESRCH, "readlink", on: "/proc/self") }
        return pid
    }

    /// Writes a file of another process' procfs directory, with nothing mounted over it and no link in between.
    func write(_ text: String, of pid: Int32, _ name: String) throws(SysError) {
        do {
            try openForWriting("\(pid)/\(name)").writeAll(Array(text.utf8))
        } catch { throw SysError(error.errno, "write", on: "\(name) \(text.filter { $0 != "\n" })") }
    }
}

/// Sources of bind mounts, as detached copies made by the executor while it still is root of the host: in a user
/// namespace the way to them might be closed.
final class MountSources {
    private(set) var mounts: [Int: FDBox] = [:]
    private(set) var devices: [String: FDBox] = [:]

    /// None: an executed process mounts nothing.
    init() {}

    /// In the mount namespace that becomes the container's.
    init(for plan: SetupPlan, users: UserNamespaces) throws(SysError) {
        for step in plan.steps {
            switch step {
            case .mount(let mount):
                guard case .bind(let source, let scope) = mount.kind else { continue }
                let copy = try FD.mountCopy(of: source, scope)
                if let idMap = mount.idMap { try users.apply(idMap, to: copy, name: "\(mount.destination) from \(source)") }
                mounts[mount.number] = FDBox(copy)
            case .makeDevice(let device) where device.making == .bind:
                devices[device.device.path] = FDBox(try FD.mountCopy(of: device.device.path, .single))
            default: continue
            }
        }
    }
}
