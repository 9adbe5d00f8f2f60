package import OCI

/// config-linux.md, "Default Devices" and runtime-linux.md, "Dev symbolic links".
package enum DefaultDevices {
    package static let nodes: [DeviceSpec] = [
        node("/dev/null", 1, 3), node("/dev/zero", 1, 5), node("/dev/full", 1, 7), node("/dev/random", 1, 8), node("/dev/urandom", 1, 9),
        node("/dev/tty", 5, 0),
    ]
    package static let links = [
        Link(name: "fd", target: "/proc/self/fd"), Link(name: "stdin", target: "/proc/self/fd/0"),
        Link(name: "stdout", target: "/proc/self/fd/1"), Link(name: "stderr", target: "/proc/self/fd/2"),
        Link(name: "ptmx", target: "pts/ptmx"),
    ]

    package struct Link {
        package let name: String
        package let target: String
    }

    private static func node(_ path: String, _ major: UInt32, _ minor: UInt32) -> DeviceSpec {
        DeviceSpec(kind: .character, path: path, major: major, minor: minor, fileMode: 0o666)
    }

    /// The default ones, then those asked for; one that is asked for at a default's path takes its place.
    package static func merged(with devices: [DeviceSpec]) -> [DeviceSpec] {
        guard !devices.isEmpty else { return nodes }
        let asked = devices.map { PathComponents($0.path) }
        return nodes.filter { !asked.contains(PathComponents($0.path)) } + devices
    }
}
