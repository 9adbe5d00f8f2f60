internal import Messages
internal import OCI

/// What one pod asks of its network: the arguments of its capabilities (CNI conventions, "Dynamic Plugin specific fields").
struct NetworkRequest: Equatable, Sendable {
    /// By capability.
    var capabilities: JSONObject
    /// Bandwidth that annotations ask for is a wish: without a plugin for it the pod runs all the same.
    static let wishes: Set = ["bandwidth", "dns", "ipRanges", "io.kubernetes.cri.pod-annotations"]

    /// - Parameter podSubnets: what UpdateRuntimeConfig has told: `10.1.0.0/24`, or one of each family.
    init(_ config: Runtime_V1_PodSandboxConfig, podSubnets: [String] = []) throws(NetworkError) {
        capabilities = JSONObject()
        let ports = try Self.ports(config.portMappings)
        if !ports.isEmpty { capabilities["portMappings"] = .array(ports) }
        if let bandwidth = try Self.bandwidth(config.annotations) { capabilities["bandwidth"] = bandwidth }
        if config.hasDnsConfig {
            let dns = config.dnsConfig
            capabilities["dns"] = [
                "servers": .array(dns.servers.map { .string($0) }), "searches": .array(dns.searches.map { .string($0) }),
                "options": .array(dns.options.map { .string($0) }),
            ]
        }
        if let mac = config.annotations["swiftlet.dev/mac"] {
            guard Self.isMAC(mac) else {
                throw .invalid(field: "config.annotations[swiftlet.dev/mac]", reason: "\(quoted(mac)) is no hardware address")
            }
            capabilities["mac"] = .string(mac)
        }
        if !podSubnets.isEmpty { capabilities["ipRanges"] = .array(podSubnets.map { .array([["subnet": .string($0)]]) }) }
        if !config.annotations.isEmpty {
            var annotations = JSONObject()
            for (key, value) in config.annotations.sorted(by: { $0.key < $1.key }) { annotations[key] = .string(value) }
            capabilities["io.kubernetes.cri.pod-annotations"] = .object(annotations)
        }
    }

    /// What this plugin gets of it; nil: nothing.
    func runtimeConfig(for plugin: NetworkList.Plugin) -> JSONObject? {
        var config = JSONObject()
        for member in capabilities.members where plugin.capabilities.contains(member.name) { config[member.name] = member.value }
        return config.members.isEmpty ? nil : config
    }

    /// Throws for what no plugin of the network takes and the pod cannot do without.
    func check(_ list: NetworkList) throws(NetworkError) {
        let known = list.capabilities
        for member in capabilities.members where !known.contains(member.name) && !Self.wishes.contains(member.name) {
            let field = member.name == "portMappings" ? "config.port_mappings" : "config.annotations"
            throw .incapable(field: field, network: list.name, capability: member.name)
        }
    }

    private static func ports(_ mappings: [Runtime_V1_PortMapping]) throws(NetworkError) -> [JSON] {
        var result: [JSON] = []
        for (index, port) in mappings.enumerated() where port.hostPort != 0 {
            let field = "config.port_mappings[\(index)]"
            guard (1...65535).contains(port.hostPort) else {
                throw .invalid(field: "\(field).host_port", reason: "\(port.hostPort) is no port")
            }
            guard (1...65535).contains(port.containerPort) else {
                throw .invalid(field: "\(field).container_port", reason: "\(port.containerPort) is no port")
            }
            guard port.hostIp.isEmpty || IPAddress.isOne(port.hostIp) else {
                throw .invalid(field: "\(field).host_ip", reason: "\(quoted(port.hostIp)) is no address")
            }
            let name: String
            switch port.protocol {
            case .tcp: name = "tcp"
            case .udp: name = "udp"
            case .sctp: name = "sctp"
            case .UNRECOGNIZED(let number): throw .invalid(field: "\(field).protocol", reason: "\(number) is no protocol")
            }
            var object: JSONObject = [
                "hostPort": .integer(Int64(port.hostPort)), "containerPort": .integer(Int64(port.containerPort)), "protocol": .string(name),
            ]
            if !port.hostIp.isEmpty { object["hostIP"] = .string(port.hostIp) }
            result.append(.object(object))
        }
        return result
    }

    /// Bits a second, from the annotations that Kubernetes has for it.
    private static func bandwidth(_ annotations: [String: String]) throws(NetworkError) -> JSON? {
        var object = JSONObject()
        for direction in ["ingress", "egress"] {
            let key = "kubernetes.io/\(direction)-bandwidth"
            guard let text = annotations[key] else { continue }
            // Kubernetes takes 1k to 1P.
            guard let rate = BitRate.parse(text), (1_000...1_000_000_000_000_000).contains(rate) else {
                throw .invalid(field: "config.annotations[\(key)]", reason: "\(quoted(text)) is no rate from 1k to 1P bits a second")
            }
            object["\(direction)Rate"] = .integer(rate)
            // As much as the plugin's token bucket can hold: the rate is to be kept over time, not by the packet.
            object["\(direction)Burst"] = .integer(Int64(Int32.max))
        }
        return object.members.isEmpty ? nil : .object(object)
    }

    private static func isMAC(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts.allSatisfy { $0.utf8.count == 2 && UInt8($0, radix: 16) != nil }
    }
}

/// Kubernetes' quantities as far as rates are written with them: `10M`, `1Gi`, `250k`, `1000`.
enum BitRate {
    private static let factors: [(suffix: String, factor: Int64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000),
        ("T", 1_000_000_000_000), ("P", 1_000_000_000_000_000), ("", 1),
    ]

    static func parse(_ text: String) -> Int64? {
        guard let (suffix, factor) = factors.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
        let digits = text.dropLast(suffix.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }) else { return nil }
        if let whole = Int64(digits) {
            let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        guard let fraction = Double(digits), fraction * Double(factor) < 1e18 else { return nil }
        return Int64((fraction * Double(factor)).rounded(.up))
    }
}
