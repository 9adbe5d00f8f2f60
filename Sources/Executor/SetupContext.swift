internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// What the steps of a plan refer to.
final class SetupContext {
    let id: String
    let bundle: String
    /// Absolute, without links; only init needs it.
    let rootPath: String
    let spec: RuntimeSpec
    let process: ProcessSpec
    let plan: SetupPlan
    let streams: ProcessStreams
    let preservedDescriptors: Int32
    let host: HostPlace
    let sources: MountSources
    let link: SetupLink
    let filter: SeccompFilter?
    let cgroup: Cgroup?

    var proc: FDBox { host.proc }
    var null: FDBox { host.null }

    init(_ setup: SetupRequest, link: SetupLink) {
        let prepared = setup.prepared
        id = prepared.id
        bundle = prepared.bundle
        rootPath = prepared.rootPath
        spec = prepared.spec
        process = prepared.process
        plan = prepared.plan
        streams = prepared.streams
        preservedDescriptors = prepared.preservedDescriptors
        host = prepared.host
        filter = prepared.filter
        cgroup = prepared.cgroup
        sources = setup.sources
        self.link = link
    }

    func state(_ status: ContainerState.Status, pid: Int32) -> ContainerState {
        ContainerState(id: id, status: status, pid: pid, bundle: bundle, annotations: spec.annotations)
    }

    func loadFilter() throws(ExecutorFailure) {
        do { try filter?.load() } catch { throw ExecutorFailure(operation: "seccomp", subject: "load", reason: "\(error)") }
    }

    /// Does the plan, and never returns: the process becomes the program, or tells why not and ends.
    func run(entering: () throws(SysError) -> Void) -> Never {
        do {
            try link.awaitBegin()
            try sys { () throws(SysError) in try entering() }
            var apply = try Apply(self)
            try apply.run()
        } catch {
            link.report(error)
            exitNow(1)
        }
    }
}

/// Everything that could be checked and opened before anything changed.
struct PreparedSetup {
    var id: String
    var bundle: String
    var rootPath: String
    var spec: RuntimeSpec
    var process: ProcessSpec
    var plan: SetupPlan
    var streams: ProcessStreams
    var preservedDescriptors: Int32
    var host: HostPlace
    var filter: SeccompFilter?
    /// Init's, once it is made.
    var cgroup: Cgroup?
}

struct SetupRequest {
    var prepared: PreparedSetup
    var sources: MountSources
}

/// The runtime's own view of the host, opened before the executor joins or makes anything.
struct HostPlace {
    /// The host's procfs, checked to be one: what is written below it cannot be redirected by a container's mounts.
    let proc: FDBox
    let null: FDBox
    private let root: FDBox
    private let namespaces: [(kind: CloneFlags, name: String, fd: FDBox)]

    init() throws(SysError) {
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
        var found: [(CloneFlags, String, FDBox)] = []
        for (kind, name) in Self.kinds {
            do { found.append((kind, name, FDBox(try FD.open("/proc/self/ns/\(name)", O_RDONLY)))) } catch  where error.errno == ENOENT {
                // The kernel does not have this kind.
            }
        }
        namespaces = found
        self.proc = FDBox(proc)
        self.null = FDBox(null)
    }

    private static let kinds: [(CloneFlags, String)] = [
        (.newPID, "pid"), (.newNetwork, "net"), (.newIPC, "ipc"), (.newUTS, "uts"), (.newCgroup, "cgroup"), (.newTime, "time"),
        (.newMount, "mnt"),
    ]

    /// Back into the runtime's own namespaces, where hooks run and cgroups are removed. The mount namespace comes last:
    /// joining it takes the working directory and the root along (setns(2)).
    func comeBack(from changed: CloneFlags) throws(SysError) {
        for namespace in namespaces where changed.contains(namespace.kind) {
            try joinNamespace(namespace.fd.fd, namespace.kind, name: namespace.name)
        }
        guard changed.contains(.newMount) else { return }
        try root.fd.makeCurrentDirectory(name: "/")
        try changeRoot(".")
    }

    /// Writes a file of another process' procfs directory, with nothing mounted over it and no link in between.
    func write(_ text: String, of pid: Int32, _ name: String) throws(SysError) {
        do {
            let file = try proc.fd.open("\(pid)/\(name)", O_WRONLY, resolve: [.beneath, .noSymlinks, .noMountCrossing])
            try file.writeAll(Array(text.utf8))
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
