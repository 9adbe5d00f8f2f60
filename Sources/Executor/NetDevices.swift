import Glibc
internal import LinuxSys
internal import OCI

/// Moves network devices of the host into the container's network namespace (config-linux.md, "Network Devices"). They are
/// not taken back: the namespace's end does that, or destroys them.
struct NetDevices {
    private let host: HostPlace
    private let namespace: FDBox
    private let here: RouteSocket
    private let there: RouteSocket

    /// `pid`: a process in the container's network namespace.
    init(host: HostPlace, pid: Int32) throws(SysError) {
        self.host = host
        namespace = FDBox(try host.proc.fd.open("\(pid)/ns/net", O_RDONLY, resolve: []))
        here = try RouteSocket()
        // A socket belongs to the namespace in which it was made.
        try joinNamespace(namespace.fd, .newNetwork, name: "network")
        do { there = try RouteSocket() } catch {
            try host.comeBack(from: .newNetwork)
            throw error
        }
        try host.comeBack(from: .newNetwork)
    }

    func move(_ device: NetDeviceSpec) throws(SysError) {
        guard let link = try here.links().first(where: { $0.name == device.hostName }) else {
            throw SysError(ENODEV, "move network device", on: device.hostName)
        }
        let before = try there.links()
        // The kernel would find this out when the device has moved already.
        guard !before.contains(where: { $0.name == device.name }) else {
            throw SysError(EEXIST, "move network device", on: "\(device.hostName) as \(device.name)")
        }
        // Before it is down: with that the addresses of version 6 go.
        let addresses = try here.addresses(of: link).filter { $0.isPermanent && $0.isGlobal }
        try here.setState(of: link, up: false)
        do { try here.move(link, to: namespace.fd, as: device.name) } catch {
            if link.isUp { try? here.setState(of: link, up: true) }
            throw error
        }
        // Its number may be another one, and so may its name.
        guard let moved = try there.links().first(where: { found in !before.contains { $0.index == found.index } }) else {
            throw SysError(ENODEV, "find moved network device", on: device.name)
        }
        for address in addresses { try there.add(address, to: moved) }
        try there.setState(of: moved, up: true)
    }
}
