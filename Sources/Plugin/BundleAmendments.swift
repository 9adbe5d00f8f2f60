internal import Glibc
internal import LinuxSys
package import OCI

/// What a bundle request does not carry, written into config.json after it.
enum BundleAmendments {
    /// Devices of the host: a node each, and leave to use it (runtime-spec, config-linux.md, "Devices" and "Allowed Device list");
    /// and what CDI devices bring besides. `document` is what is there. Returns the user that the program will run as.
    static func add(
        _ devices: [ContainerPlan.DeviceRequest], _ edits: CDIEdits, to document: JSON, of bundle: String
    ) throws(PluginError) -> ContainerUser {
        let path = bundle + "/config.json"
        var document = document
        guard !devices.isEmpty || edits != CDIEdits() else { return try ContainerUser(document, path) }
        for device in devices {
            let found = try DeviceNode(device.source)
            document.add(found.json(at: device.destination), rule: found.rule(device.permissions))
        }
        try edits.apply(to: &document)
        try write(document, to: path)
        return try ContainerUser(document, path)
    }

    /// The `process` of the bundle.
    static func process(of bundle: String) throws(PluginError) -> JSONObject {
        let path = bundle + "/config.json"
        guard case .object(let process)? = try read(path)["process"] else { throw .document(subject: path, reason: "process: is missing") }
        return process
    }

    /// The same with other arguments: what an exec runs. With a terminal it is told of one (TERM).
    static func execProcess(_ command: [String], like process: JSONObject, terminal: Bool = false) -> [UInt8] {
        var process = process
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
}

/// Who a container's program is, as CRI tells it (ContainerStatus.user).
package struct ContainerUser: Equatable, Sendable {
    package var uid: Int64
    package var gid: Int64
    package var groups: [Int64]

    package init(uid: Int64, gid: Int64, groups: [Int64]) {
        (self.uid, self.gid, self.groups) = (uid, gid, groups)
    }

    /// From `process.user` of config.json.
    init(_ document: JSON, _ path: String) throws(PluginError) {
        do throws(FieldError) {
            self = try ContainerUser(try JSONField(document).member("process").member("user"))
        } catch { throw .document(subject: path, reason: "\(error)") }
    }

    package init(_ field: JSONField) throws(FieldError) {
        uid = try field.member("uid").optionalInteger() ?? 0
        gid = try field.member("gid").optionalInteger() ?? 0
        groups = []
        for place in try field.member("additionalGids").elements() { groups.append(try place.integer()) }
    }

    package var json: JSON {
        ["uid": .integer(uid), "gid": .integer(gid), "additionalGids": .array(groups.map { .integer($0) })]
    }
}

extension JSON {
    /// Changes the object at `path`, which is made when it is not there.
    mutating func edit(_ path: [String], _ body: (inout JSONObject) -> Void) {
        var object = self.object ?? JSONObject()
        if let first = path.first {
            var inner = object[first] ?? .object(JSONObject())
            inner.edit(Array(path.dropFirst()), body)
            object[first] = inner
        } else {
            body(&object)
        }
        self = .object(object)
    }

    mutating func append(_ value: JSON, to name: String, at path: [String]) {
        edit(path) { $0[name] = .array(($0[name]?.array ?? []) + [value]) }
    }

    /// A device node, in place of another at the same path, and leave to use it.
    mutating func add(_ node: JSON, rule: JSON) {
        edit(["linux"]) { linux in
            let others = (linux["devices"]?.array ?? []).filter { $0["path"] != node["path"] }
            linux["devices"] = .array(others + [node])
        }
        append(rule, to: "devices", at: ["linux", "resources"])
    }
}

/// A device node of the host.
struct DeviceNode {
    var type: String
    var major: Int64, minor: Int64, mode: Int64, uid: Int64, gid: Int64

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

    func json(at path: String) -> JSON {
        [
            "path": .string(path), "type": .string(type), "major": .integer(major), "minor": .integer(minor), "fileMode": .integer(mode),
            "uid": .integer(uid), "gid": .integer(gid),
        ]
    }

    func rule(_ access: String) -> JSON {
        [
            "allow": true, "type": .string(type), "major": .integer(major), "minor": .integer(minor), "access": .string(access),
        ]
    }
}
