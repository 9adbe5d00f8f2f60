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

    /// By bytes: every container that is made reads these files, and a host can have thousands of mounts.
    private init(mountInfo: [UInt8], membership: [UInt8]) {
        let lines = membership.split(separator: UInt8(ascii: "\n")).compactMap(Self.member)
        var found: [Hierarchy] = []
        for mount in Self.cgroupLines(mountInfo).compactMap(Self.mount) {
            for line in lines where Self.belongs(mount, line.controllers) {
                // The first mount of a hierarchy is the one to use; others are views of it.
                guard !found.contains(where: { $0.controllers == line.controllers }) else { continue }
                found.append(Hierarchy(controllers: line.controllers, mountPoint: mount.point, mountRoot: mount.root, own: line.own))
            }
        }
        hierarchies = found
    }

    /// Of this process, now.
    package static func current() throws(CgroupError) -> CgroupHost {
        let host = CgroupHost(
            mountInfo: try ControlFile.bytes("/proc/self/mountinfo"), membership: try ControlFile.bytes("/proc/self/cgroup"))
        guard host.mode != nil else { throw .notMounted }
        return host
    }

    private struct Mount {
        var root: String, point: String
        var isUnified: Bool
        var options: [String]
    }

    struct Member {
        var controllers: [String]
        var own: String
    }

    /// `4:memory:/user`, `0::/user` (v2).
    static func member(_ line: ArraySlice<UInt8>) -> Member? {
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let controllers = parts[1].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
        if controllers.isEmpty && !parts[0].elementsEqual("0".utf8) { return nil }
        return Member(controllers: controllers, own: String(decoding: parts[2], as: UTF8.self))
    }

    /// proc(5): `31 23 0:28 /root /mount/point rw,… optional… - type source superoptions`.
    private static func mount(_ line: ArraySlice<UInt8>) -> Mount? {
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count >= 10, let dash = words[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 3 < words.count else {
            return nil
        }
        return Mount(
            root: unescape(words[3]), point: unescape(words[4]), isUnified: words[dash + 1].count == 7,
            options: words[dash + 3].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) })
    }

    /// The lines in which ` - ` is followed by `cgroup` or `cgroup2`: what comes before it has its spaces written as octal.
    private static func cgroupLines(_ mountInfo: [UInt8]) -> [ArraySlice<UInt8>] {
        let (space, dash, newLine) = (UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "\n"))
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var type: Int?
        for at in 0...mountInfo.count {
            if at == mountInfo.count || mountInfo[at] == newLine {
                if let type, isOfCgroups(mountInfo[type..<at]) { lines.append(mountInfo[start..<at]) }
                start = at + 1
                type = nil
            } else if mountInfo[at] == dash, type == nil, at > start, mountInfo[at - 1] == space, mountInfo[(at + 1)...].first == space {
                type = at + 2
            }
        }
        return lines
    }

    private static func isOfCgroups(_ rest: ArraySlice<UInt8>) -> Bool {
        rest.starts(with: "cgroup ".utf8) || rest.starts(with: "cgroup2 ".utf8)
    }

    private static func belongs(_ mount: Mount, _ controllers: [String]) -> Bool {
        if mount.isUnified || controllers.isEmpty { return mount.isUnified && controllers.isEmpty }
        return controllers.allSatisfy(mount.options.contains)
    }

    /// Space, tab, newline and backslash are written as octal there.
    private static func unescape(_ text: ArraySlice<UInt8>) -> String {
        guard text.contains(UInt8(ascii: "\\")) else { return String(decoding: text, as: UTF8.self) }
        let bytes = Array(text)
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\\"), at + 3 < bytes.count,
                let code = UInt8(String(decoding: bytes[(at + 1)...(at + 3)], as: UTF8.self), radix: 8)
            {
                result.append(code)
                at += 4
            } else {
                result.append(bytes[at])
                at += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
