import Glibc
internal import LinuxSys

/// Which hierarchies a host has and where this process is in them: a pure reading of two files of /proc (cgroups(7)).
package struct CgroupHost: Equatable, Sendable {
    package enum Mode: Equatable, Sendable {
        /// v1 hierarchies alone.
        case v1
        /// v1 hierarchies, and a v2 one beside them with what controllers they leave.
        case hybrid
        /// v2 alone.
        case unified
    }

    package struct Hierarchy: Equatable, Sendable {
        /// `memory`, `cpu`, `name=systemd`, …; empty for v2.
        package var controllers: [String]
        package var mountPoint: String
        /// What of the hierarchy is mounted there.
        package var mountRoot: String
        /// The cgroup of this process, from the hierarchy's root.
        package var own: String
        /// False where this process may make no group for the container (`limited`).
        package var isUsable = true
        /// Relative paths count from the own group, as they do under v1 anyway, not from its parent.
        package var countsFromOwn = false

        package var isUnified: Bool { controllers.isEmpty }

        /// The directory of a cgroup whose path counts from the mount.
        package func directory(_ path: String) -> String {
            (mountPoint == "/" ? "" : mountPoint) + rootedPath(pathParts(path))
        }

        /// The own cgroup counted from the mount: what is mounted can be a part of the hierarchy, in a container.
        package var ownBelowMount: String {
            guard mountRoot != "/", own.hasPrefix(mountRoot) else { return own }
            let rest = own.dropFirst(mountRoot.count)
            return rest.isEmpty ? "/" : (rest.first == "/" ? String(rest) : own)
        }
    }

    package internal(set) var hierarchies: [Hierarchy]

    package var mode: Mode? {
        let unified = hierarchies.contains(where: \.isUnified)
        let old = hierarchies.contains { !$0.isUnified && !$0.controllers.allSatisfy { $0.hasPrefix("name=") } }
        return unified ? (old ? .hybrid : .unified) : (old ? .v1 : nil)
    }

    /// What the two files say: `/proc/self/mountinfo` and `/proc/self/cgroup`.
    package init(mountInfo: String, membership: String) { self.init(mountInfo: Array(mountInfo.utf8), membership: Array(membership.utf8)) }

    private init(mountInfo: [UInt8], membership: [UInt8]) {
        let members = MembershipLines(membership).members
        hierarchies = []
        var lines = MountLines(mountInfo)
        while let mount = lines.next() {
            for member in members where lines.shows(mount, member.controllers) {
                // The first mount of a hierarchy is the one to use; others are views of it.
                guard !hierarchies.contains(where: { $0.controllers == member.controllers }) else { continue }
                hierarchies.append(
                    Hierarchy(
                        controllers: member.controllers, mountPoint: lines.text(mount.point), mountRoot: lines.text(mount.root),
                        own: member.own))
            }
        }
    }

    /// Of this process, now.
    package static func current() throws(CgroupError) -> CgroupHost {
        let host = CgroupHost(
            mountInfo: try ControlFile.bytes("/proc/self/mountinfo"), membership: try ControlFile.bytes("/proc/self/cgroup"))
        guard host.mode != nil else { throw .notMounted }
        return host
    }
}
