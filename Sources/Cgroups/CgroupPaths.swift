/// The directories of one container's cgroup: under v2 one with the empty name, under v1 one per controller, in the order of removal.
/// A last entry `unit=system` or `unit=user` names systemd's scope instead of a directory.
package struct CgroupPaths: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        /// `memory`, `cpu`, …; empty for the unified hierarchy.
        package var controller: String
        /// Absolute directory on the host.
        package var directory: String
        package init(controller: String, directory: String) {
            self.controller = controller
            self.directory = directory
        }
    }
    package var entries: [Entry]
    package init(_ entries: [Entry] = []) { self.entries = entries }
}
