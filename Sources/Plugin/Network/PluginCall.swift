internal import OCI

/// One pod's place in a network: what every call about it carries.
struct NetworkAttachment: Equatable, Sendable {
    var container: String
    /// Path of the network namespace; empty when it is gone, as after a reboot (only for DEL).
    var namespace: String
    var interface = "eth0"
    /// CNI_ARGS in their order.
    var arguments: [[String]]

    init(container: String, namespace: String, arguments: [[String]]) {
        (self.container, self.namespace, self.arguments) = (container, namespace, arguments)
    }
}

/// One run of a network plugin, planned: what stands in its environment and on its stdin (CNI, "Execution Protocol").
struct PluginCall: Equatable, Sendable {
    var verb: CNIVerb
    var type: String
    var network: String
    var environment: [String]
    var input: JSON

    /// A call about one pod.
    init(
        _ verb: CNIVerb, _ plugin: NetworkList.Plugin, of list: NetworkList, for attachment: NetworkAttachment, _ request: JSONObject?,
        previous: JSON?, path: [String]
    ) {
        self.init(verb, plugin, of: list, path: path)
        environment += [
            "CNI_CONTAINERID=\(attachment.container)", "CNI_NETNS=\(attachment.namespace)", "CNI_IFNAME=\(attachment.interface)",
            "CNI_ARGS=\(attachment.arguments.map { $0.joined(separator: "=") }.joined(separator: ";"))",
        ]
        var config = self.config(plugin, list)
        config["runtimeConfig"] = request.map { .object($0) }
        config["prevResult"] = previous
        input = .object(config)
    }

    /// STATUS or GC: about the whole network.
    init(_ verb: CNIVerb, _ plugin: NetworkList.Plugin, of list: NetworkList, valid: [NetworkAttachment], path: [String]) {
        self.init(verb, plugin, of: list, path: path)
        var config = self.config(plugin, list)
        if verb == .gc {
            config["cni.dev/valid-attachments"] = .array(
                valid.map { ["containerID": .string($0.container), "ifname": .string($0.interface)] })
        }
        input = .object(config)
    }

    /// VERSION: what the plugin can speak.
    init(versionOf plugin: NetworkList.Plugin, of list: NetworkList, path: [String]) {
        self.init(.version, plugin, of: list, path: path)
        input = ["cniVersion": .string("\(list.version)")]
    }

    private init(_ verb: CNIVerb, _ plugin: NetworkList.Plugin, of list: NetworkList, path: [String]) {
        (self.verb, type, network, input) = (verb, plugin.type, list.name, .null)
        environment = ["CNI_COMMAND=\(verb.rawValue)", "CNI_PATH=\(path.joined(separator: ":"))"]
    }

    /// The plugin's own configuration with the network's name and version in it, and without what is for the runtime only.
    private func config(_ plugin: NetworkList.Plugin, _ list: NetworkList) -> JSONObject {
        var config = plugin.config
        config["name"] = .string(list.name)
        config["cniVersion"] = .string("\(list.version)")
        for name in ["capabilities", "cniVersions", "disableCheck", "disableGC"] { config[name] = nil }
        return config
    }
}
