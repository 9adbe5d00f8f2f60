/// Where one pod keeps what lives as long as the node is up: a directory under the plugin's state directory.
package struct SandboxPaths: Equatable, Sendable {
    package let directory: String

    package init(state: String, id: String) { directory = "\(state)/pods/\(id)" }

    /// Files over which the namespaces are bound.
    package var network: String { directory + "/net" }
    package var ipc: String { directory + "/ipc" }
    package var uts: String { directory + "/uts" }
    package var user: String { directory + "/user" }
    package var pid: String { directory + "/pid" }
    /// The number of the pid namespace's first process.
    package var holder: String { directory + "/holder" }
    /// Images that are mounted as volumes, by their id.
    package var images: String { directory + "/images" }
    /// The tmpfs behind /dev/shm.
    package var sharedMemory: String { directory + "/shm" }
}
