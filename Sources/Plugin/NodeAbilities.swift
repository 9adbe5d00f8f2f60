internal import Glibc
internal import LinuxSys

/// What this node's kernel can do of what pods may ask for, found out once.
package struct NodeAbilities: Equatable, Sendable {
    package var hasUnifiedCgroups: Bool
    package var limitsHugePages: Bool
    package var hasAppArmor: Bool
    package var hasSELinux: Bool
    /// mount_setattr(2), and with it recursive read-only mounts: Linux 5.12.
    package var changesMountTrees: Bool
    /// id-mapped mounts as layers of an overlay: Linux 5.19.
    package var mapsLayers: Bool

    package init(
        hasUnifiedCgroups: Bool = false, limitsHugePages: Bool = false, hasAppArmor: Bool = false, hasSELinux: Bool = false,
        changesMountTrees: Bool = true, mapsLayers: Bool = true
    ) {
        (self.hasUnifiedCgroups, self.limitsHugePages) = (hasUnifiedCgroups, limitsHugePages)
        (self.hasAppArmor, self.hasSELinux) = (hasAppArmor, hasSELinux)
        (self.changesMountTrees, self.mapsLayers) = (changesMountTrees, mapsLayers)
    }

    package static func ofThisNode() -> NodeAbilities {
        let controllers = text("/sys/fs/cgroup/cgroup.controllers")
        let release = KernelRelease.current()
        return NodeAbilities(
            hasUnifiedCgroups: controllers != nil,
            limitsHugePages: controllers?.split(whereSeparator: \.isWhitespace).contains("hugetlb") ?? exists("/sys/fs/cgroup/hugetlb"),
            hasAppArmor: text("/sys/module/apparmor/parameters/enabled")?.first == "Y", hasSELinux: exists("/sys/fs/selinux/enforce"),
            changesMountTrees: release >= KernelRelease(5, 12), mapsLayers: release >= KernelRelease(5, 19) && exists("/proc/self/ns/user"))
    }

    private static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? FD.open(path, O_RDONLY).readAll(limit: 4096) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The first two numbers of uname(2)'s release.
struct KernelRelease: Comparable {
    let major: Int, minor: Int

    init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

    static func current() -> KernelRelease {
        guard let bytes = try? FD.open("/proc/sys/kernel/osrelease", O_RDONLY).readAll(limit: 256) else { return KernelRelease(0, 0) }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: ".").prefix(2).map { Int($0.prefix { $0.isNumber }) ?? 0 }
        return KernelRelease(parts.first ?? 0, parts.dropFirst().first ?? 0)
    }

    static func < (a: KernelRelease, b: KernelRelease) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}
