/// The directories of one container's cgroup, as they are recorded, in the order of removal.
/// A last entry `unit=system` or `unit=user` has the name of systemd's scope in the place of a directory.
package struct CgroupPaths: Equatable, Sendable {
    package var entries: [Cgroup.Directory]
    package init(_ entries: [Cgroup.Directory] = []) { self.entries = entries }
}
