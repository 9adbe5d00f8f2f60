internal import Registry
internal import TaskClient

/// Where swiftletd keeps things and how it talks.
package struct PluginSettings: Sendable {
    /// Of the image store and the bundles; outlives the node's reboot.
    package var root: String
    /// Sockets and pinned namespaces; gone after a reboot.
    package var state: String
    /// Where the orchestrator calls.
    package var socket: String
    /// Path of the shim.
    package var shim: String
    package var debug = false
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

    /// Where shims send their events.
    package var eventSocket: String { state + "/events.sock" }
}
