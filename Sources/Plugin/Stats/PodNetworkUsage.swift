internal import Glibc
internal import LinuxSys
internal import Messages

/// What went through the network devices of a pod's own network namespace.
package struct PodNetworkUsage: Equatable, Sendable {
    package struct Device: Equatable, Sendable {
        package var name: String
        package var received: UInt64
        package var receiveErrors: UInt64
        package var sent: UInt64
        package var sendErrors: UInt64
    }

    /// Without the loopback.
    package private(set) var devices: [Device] = []

    /// The text of /proc/net/dev (proc_net(5)): two lines of headings, then a device a line.
    package init(procNetDev text: String) {
        for line in text.split(separator: "\n").dropFirst(2) {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, let name = halves[0].split(separator: " ").first, name != "lo" else { continue }
            let numbers = halves[1].split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count >= 11 else { continue }
            devices.append(
                Device(name: String(name), received: numbers[0], receiveErrors: numbers[2], sent: numbers[8], sendErrors: numbers[10]))
        }
    }

    /// Nil for a pod on the node's network, or one whose network cannot be entered.
    static func read(_ pod: Runtime_V1_PodSandboxStatus, state: String) -> PodNetworkUsage? {
        guard pod.linux.namespaces.options.network == .pod else { return nil }
        guard let text = try? networkDevices(of: SandboxPaths(state: state, id: pod.id).network) else { return nil }
        return PodNetworkUsage(procNetDev: text)
    }

    func message(at time: Int64) -> Runtime_V1_NetworkUsage {
        var usage = Runtime_V1_NetworkUsage()
        usage.timestamp = time
        usage.interfaces = devices.map { device in
            var message = Runtime_V1_NetworkInterfaceUsage()
            message.name = device.name
            (message.rxBytes, message.rxErrors) = (.init(device.received), .init(device.receiveErrors))
            (message.txBytes, message.txErrors) = (.init(device.sent), .init(device.sendErrors))
            return message
        }
        // CNI calls a pod's first device so.
        if let main = usage.interfaces.first(where: { $0.name == "eth0" }) ?? usage.interfaces.first { usage.defaultInterface = main }
        return usage
    }
}
