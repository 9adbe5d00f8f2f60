internal import Registry
package import TTRPCNIO
internal import TaskClient

/// Where swiftletd keeps things and how it talks.
package struct PluginSettings: Sendable {
    /// Of the image store; outlives the node's reboot.
    package var root: String
    /// Sockets, pinned namespaces, bundles; gone after a reboot.
    package var state: String
    /// Where the orchestrator calls.
    package var socket: String
    /// Path of the shim.
    package var shim: String
    package var debug = false
    /// Where shims have their sockets; nil: as the environment says, or where all shims have them.
    package var shimSockets: String?
    /// What gives a pod its network.
    package var network = Network.cni
    /// The directory of CNI's network configurations.
    package var networkConfig = "/etc/cni/net.d"
    /// Where network plugins are looked for, in this order.
    package var networkPlugins = ["/opt/cni/bin", "/usr/lib/cni"]
    /// A network plugin that has not ended by then is killed.
    package var networkDeadline: Duration = .seconds(60)
    /// Where the URLs of Exec, Attach and PortForward are served: an address of the node's own. Port 0: one that is free.
    package var streamHost = "127.0.0.1"
    package var streamPort: UInt16 = 0
    /// Where registries are, and their mirrors.
    package var registries = RegistrySettings.standardPath
    /// Who may call.
    package var access = SocketAccess()
    /// A socket that a service manager handed over, instead of one made at `socket`.
    package var inherited: Int32?
    /// Where metrics are served, if anywhere.
    package var metrics: MetricsAddress?
    package var log = Configuration.Log()
    /// Other OCI runtimes by the name of their handler; the name of the default, which is built in, is empty.
    package var runtimes: [String: OtherRuntime] = [:]
    package var cgroupDriver = CgroupDriver.cgroupfs
    /// Full names or ids of images that an orchestrator must not remove.
    package var pinnedImages: Set<String> = []
    /// Where CDI specifications are looked for; a later directory wins over an earlier one.
    package var cdiDirectories = ["/etc/cdi", "/var/run/cdi"]

    /// How the cgroup parents of pods are named: by their path, or by their slice.
    package enum CgroupDriver: String, Sendable, CaseIterable { case cgroupfs, systemd }

    package struct OtherRuntime: Equatable, Sendable {
        /// An absolute path, or a name in PATH.
        package var program: String
        /// Where it keeps its state.
        package var root: String

        package init(program: String, root: String = "/run/swiftlet/runtimes") {
            self.program = program
            self.root = root
        }
    }

    package enum Network: String, Sendable, CaseIterable {
        /// Network plugins, by the configuration that comes first in the directory. Without one only pods with the node's network run.
        case cni
        /// A pod has a loopback interface and nothing else.
        case loopback
    }

    package init(root: String, state: String, socket: String, shim: String) {
        self.root = root
        self.state = state
        self.socket = socket
        self.shim = shim
    }

    /// `SWIFTLET_SHIM`, else beside this program, else in PATH.
    package static func findShim() throws -> String { try ShimProcess.locate() }

    /// A directory for each container. A shim stores there durably what it knows, which is cheap where nothing outlives a reboot: nothing
    /// that runs does either.
    package var bundles: String { state + "/containers" }

    /// Where shims send their events.
    package var eventSocket: String { state + "/events.sock" }
}

extension PluginSettings {
    /// `inherited`: a socket that was handed over.
    package init(_ configuration: Configuration, inherited: Int32?) throws {
        self.init(
            root: configuration.root, state: configuration.state, socket: configuration.socket.path, shim: try PluginSettings.findShim())
        (debug, registries, log) = (configuration.log.isDebug, configuration.registries, configuration.log)
        access = try configuration.access()
        (network, networkConfig, networkPlugins) = (
            configuration.network.kind, configuration.network.config, configuration.network.plugins
        )
        (streamHost, streamPort) = try configuration.streamAddress()
        (runtimes, cgroupDriver, cdiDirectories) = (configuration.runtimes, configuration.cgroupDriver, configuration.cdi)
        pinnedImages = Set(configuration.pinnedImages)
        if let seconds = configuration.network.seconds { networkDeadline = .seconds(seconds) }
        if !configuration.metrics.listen.isEmpty { metrics = try MetricsAddress(configuration.metrics.listen) }
        self.inherited = inherited
    }
}
