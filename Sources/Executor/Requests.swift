package import Cgroups
package import OCI

/// What a supervisor (the shim, `swiftlet-oci`) asks an executor process to do. Values only: the executor is a clone of
/// the supervisor and finds them in its memory. Descriptors are lent by number and stay open in the supervisor.
package enum ExecutorJob: Sendable {
    case create(CreateRequest)
    case exec(ExecRequest)
    /// Runs the poststart hooks of a container that was started.
    case poststart(ContainerReference)
    /// Removes what a container (or half of one) left: processes, cgroup, state; then runs the poststop hooks. Idempotent.
    case delete(ContainerReference)
    /// Asks the other runtime that made a container.
    case ask(ContainerReference, ForeignCall)
    /// Writes a container's processes into files.
    case checkpoint(CheckpointRequest)
    /// Makes a container from such files; its processes run at once.
    case restore(RestoreRequest)
}

/// Where a new process finds its standard streams. With a terminal the pty replaces all three.
package enum ProcessStreams: Sendable {
    /// Numbers in the supervisor; nil means /dev/null.
    case descriptors(stdin: Int32?, stdout: Int32?, stderr: Int32?)
    /// A new pty with this size; its master is sent back as a `console` record.
    case terminal(rows: UInt16, columns: UInt16)
}

/// How the container's init learns that it may execute the program.
package enum StartGate: Sendable {
    /// A `start` record on the channel: init dies with its supervisor.
    case channel
    /// A connection to this listening Unix socket (number in the supervisor), for `create` and `start` as two commands.
    case listener(Int32)
}

/// A mount that the supervisor was handed for the root file system (containerd.types.Mount), made in the container's mount namespace.
package struct RootfsMount: Equatable, Sendable {
    package var type: String
    package var source: String
    /// Relative to the rootfs; empty for the rootfs itself.
    package var target: String
    /// As in fstab: `lowerdir=…`, `ro`, `rbind`, …
    package var options: [String]

    package init(type: String, source: String, target: String = "", options: [String]) {
        self.type = type
        self.source = source
        self.target = target
        self.options = options
    }
}

/// What holds for every job on one container.
package struct ExecutorOptions: Equatable, Sendable {
    package var noPivotRoot = false
    package var noNewKeyring = false
    package var systemdCgroup = false
    /// Sets the container up in the executor's place.
    package var runtime: ForeignRuntime?
    package init() {}
}

package struct CreateRequest: Sendable {
    package var id: String
    /// Absolute path of the directory that holds config.json.
    package var bundle: String
    /// What config.json says, if the supervisor has read it already.
    package var spec: RuntimeSpec?
    /// The cgroup tree, if the supervisor has looked at it already.
    package var cgroupHost: CgroupHost?
    /// Made at the spec's `root.path`, first to last; empty when that directory is complete.
    package var rootfs: [RootfsMount] = []
    package var streams: ProcessStreams
    package var gate: StartGate = .channel
    /// Descriptors 3 … 3+n-1 of the supervisor that the program inherits (LISTEN_FDS and the like).
    package var preservedDescriptors: Int32 = 0
    package var additions = BundleAdditions()
    package var options = ExecutorOptions()
    /// `span` records tell how long each step took.
    package var isTraced = false

    package init(id: String, bundle: String, streams: ProcessStreams) {
        self.id = id
        self.bundle = bundle
        self.streams = streams
    }
}

package struct ExecRequest: Sendable {
    package var container: ContainerReference
    /// The `process` object of the runtime-spec, as JSON.
    package var process: [UInt8]
    /// What it says, if the supervisor has read it already; then the document is not needed, but by another runtime.
    package var decoded: ProcessSpec?
    package var streams: ProcessStreams
    package var preservedDescriptors: Int32 = 0
    /// Cgroups below the container's that the process is to be in: by controller (v1), or one for all under the empty name.
    package var subgroups: [String: String] = [:]
    /// `span` records tell how long each step took.
    package var isTraced = false

    package init(container: ContainerReference, process: [UInt8], streams: ProcessStreams) {
        self.container = container
        self.process = process
        self.streams = streams
    }
}

/// A container as a later job needs to know it.
package struct ContainerReference: Sendable {
    package var id: String
    package var bundle: String
    /// Of the init process; 0 when it never was or is gone.
    package var pid: Int32
    /// A pidfd of init in the supervisor, or -1. Signals and joins go through it, never through the number.
    package var pidfd: Int32
    /// As the `cgroup` record said it; empty when there is none.
    package var cgroup: CgroupPaths
    package var options = ExecutorOptions()
    /// What config.json said at the creation, which what becomes of the bundle's own does not change (runtime.md, "Create"); nil if the
    /// supervisor leaves it to the executor to read the bundle's.
    package var spec: RuntimeSpec?

    package init(id: String, bundle: String, pid: Int32, pidfd: Int32, cgroup: CgroupPaths) {
        self.id = id
        self.bundle = bundle
        self.pid = pid
        self.pidfd = pidfd
        self.cgroup = cgroup
    }
}
