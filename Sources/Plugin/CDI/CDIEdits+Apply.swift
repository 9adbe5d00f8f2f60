internal import OCI

extension CDIEdits {
    /// Into config.json (runtime-spec, config.md and config-linux.md).
    func apply(to document: inout JSON) throws(PluginError) {
        for variable in environment {
            let name = variable.prefix { $0 != "=" } + "="
            document.edit(["process"]) { process in
                let others = (process["env"]?.array ?? []).filter { !($0.string?.hasPrefix(name) ?? false) }
                process["env"] = .array(others + [.string(variable)])
            }
        }
        for node in nodes { try node.apply(to: &document) }
        for mount in mounts {
            let options = mount.options.isEmpty ? ["rbind", "nosuid", "nodev", "ro"] : mount.options
            document.append(
                [
                    "destination": .string(mount.containerPath), "type": .string(mount.type), "source": .string(mount.hostPath),
                    "options": .array(options.map { .string($0) }),
                ], to: "mounts", at: [])
        }
        for hook in hooks { document.append(hook.json, to: hook.name, at: ["hooks"]) }
        for group in groups {
            document.edit(["process", "user"]) { user in
                let known = user["additionalGids"]?.array ?? []
                if !known.contains(.integer(group)) { user["additionalGids"] = .array(known + [.integer(group)]) }
            }
        }
        for device in networkDevices {
            document.edit(["linux", "netDevices"]) { $0[device.host] = ["name": .string(device.name)] }
        }
    }
}

extension CDIEdits.Node {
    /// What the specification does not say of the node is that of the device on the host.
    fileprivate func apply(to document: inout JSON) throws(PluginError) {
        var device: DeviceNode
        if let type, type == "c" || type == "b" || type == "u", let major, let minor, fileMode != nil {
            device = DeviceNode(type: type == "u" ? "c" : type, major: major, minor: minor)
        } else {
            device = try DeviceNode(hostPath ?? path)
        }
        if let fileMode { device.mode = fileMode & 0o777 }
        if let uid { device.uid = uid }
        if let gid { device.gid = gid }
        document.add(device.json(at: path), rule: device.rule(permissions))
    }
}

extension DeviceNode {
    fileprivate init(type: String, major: Int64, minor: Int64) {
        (self.type, self.major, self.minor) = (type, major, minor)
        (mode, uid, gid) = (0o600, 0, 0)
    }
}

extension CDIEdits.Hook {
    fileprivate var json: JSON {
        var object: JSONObject = ["path": .string(path)]
        if !args.isEmpty { object["args"] = .array(args.map { .string($0) }) }
        if !env.isEmpty { object["env"] = .array(env.map { .string($0) }) }
        if let timeout { object["timeout"] = .integer(timeout) }
        return .object(object)
    }
}
