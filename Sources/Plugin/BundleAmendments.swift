internal import Glibc
internal import LinuxSys
internal import OCI

/// What a bundle request does not carry, written into config.json after it.
enum BundleAmendments {
    /// Devices of the host: a node each, and leave to use it (runtime-spec, config-linux.md, "Devices" and "Allowed Device list").
    static func add(_ devices: [ContainerPlan.DeviceRequest], to bundle: String) throws(PluginError) {
        guard !devices.isEmpty else { return }
        let path = bundle + "/config.json"
        var document = try read(path)
        for device in devices { try add(device, to: &document) }
        try write(document, to: path)
    }

    /// The `process` of the bundle with other arguments: what an exec runs. With a terminal it is told of one (TERM).
    static func execProcess(_ command: [String], bundle: String, terminal: Bool = false) throws(PluginError) -> [UInt8] {
        let path = bundle + "/config.json"
        guard case .object(var process)? = try read(path)["process"] else { throw .document(subject: path, reason: "process: is missing") }
        process["args"] = .array(command.map { .string($0) })
        process["terminal"] = .bool(terminal)
        var environment = process["env"]?.array ?? []
        if terminal, !environment.contains(where: { $0.string?.hasPrefix("TERM=") ?? false }) { environment.append("TERM=xterm") }
        process["env"] = .array(environment)
        process["consoleSize"] = nil
        return JSON.object(process).encoded()
    }

    private static func read(_ path: String) throws(PluginError) -> JSON {
        do {
            return try JSON(parsing: try FD.open(path, O_RDONLY).readAll(limit: 16 << 20))
        } catch let error as SysError {
            throw PluginError(error)
        } catch {
            throw .document(subject: path, reason: "\(error)")
        }
    }

    private static func write(_ document: JSON, to path: String) throws(PluginError) {
        do throws(SysError) {
            let file = try FD.open(path, O_WRONLY | O_TRUNC)
            try file.writeAll(document.encoded())
            try file.close()
        } catch {
            throw PluginError(error)
        }
    }

    private static func add(_ device: ContainerPlan.DeviceRequest, to document: inout JSON) throws(PluginError) {
        let found = try DeviceNode(device.source)
        var linux = document["linux"]?.object ?? JSONObject()
        var nodes = linux["devices"]?.array ?? []
        nodes.append([
            "path": .string(device.destination), "type": .string(found.type), "major": .integer(found.major),
            "minor": .integer(found.minor),
            "fileMode": .integer(found.mode), "uid": .integer(found.uid), "gid": .integer(found.gid),
        ])
        linux["devices"] = .array(nodes)
        var resources = linux["resources"]?.object ?? JSONObject()
        var rules = resources["devices"]?.array ?? []
        rules.append([
            "allow": true, "type": .string(found.type), "major": .integer(found.major), "minor": .integer(found.minor),
            "access": .string(device.permissions),
        ])
        resources["devices"] = .array(rules)
        linux["resources"] = .object(resources)
        guard case .object(var whole) = document else { return }
        whole["linux"] = .object(linux)
        document = .object(whole)
    }
}

/// A device node of the host.
private struct DeviceNode {
    let type: String
    let major: Int64, minor: Int64, mode: Int64, uid: Int64, gid: Int64

    init(_ path: String) throws(PluginError) {
        var found = stat()
        do throws(SysError) { try checkErrno("stat", on: path) { unsafe stat(path, &found) } } catch { throw PluginError(error) }
        switch found.st_mode & S_IFMT {
        case S_IFCHR: type = "c"
        case S_IFBLK: type = "b"
        default: throw .invalid(field: "config.devices[].host_path", reason: "\(path) is no device")
        }
        // makedev(3): the numbers are interleaved.
        let number = UInt64(found.st_rdev)
        major = Int64((number >> 8) & 0xfff | (number >> 32) & 0xffff_f000)
        minor = Int64(number & 0xff | (number >> 12) & 0xffff_ff00)
        (mode, uid, gid) = (Int64(found.st_mode & 0o777), Int64(found.st_uid), Int64(found.st_gid))
    }
}
