import Glibc
import LinuxSys
import OCI

/// The `process` object of a process to be executed: a file as it is, or the container's own with what the options change.
enum ExecProcess {
    static func document(_ given: Arguments, _ record: ContainerRecord, _ config: JSON) throws(CommandError) -> JSON {
        if let path = given.value("process") {
            guard given.rest.count == 1 else { throw .usage("exec: --process takes the place of a command") }
            let bytes = try kernel { () throws(SysError) in try FD.open(path, O_RDONLY).readAll(limit: SpecError.documentLimit) }
            return try Files.json(bytes, path)
        }
        guard given.rest.count > 1 else { throw .usage("exec: a command expected") }
        guard case .object(var process) = config["process"] else {
            throw .state(operation: "exec", id: record.id, reason: "config.json has no process")
        }
        process["args"] = .array(given.rest.dropFirst().map { .string($0) })
        process["terminal"] = .bool(given.has("tty"))
        process["env"] = .array((process["env"]?.array ?? []) + given.all("env").map { .string($0) })
        for (option, member) in [("cwd", "cwd"), ("process-label", "selinuxLabel"), ("apparmor", "apparmorProfile")] {
            if let value = given.value(option) { process[member] = .string(value) }
        }
        if given.has("no-new-privs") { process["noNewPrivileges"] = true }
        if let user = try user(given, process["user"]) { process["user"] = user }
        for name in given.all("cap") { process["capabilities"] = adding(name, to: process["capabilities"]) }
        return .object(process)
    }

    private static func user(_ given: Arguments, _ current: JSON?) throws(CommandError) -> JSON? {
        var object = current?.object ?? JSONObject()
        if let text = given.value("user") {
            let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            object["uid"] = .integer(Int64(try id(halves[0])))
            if halves.count == 2 { object["gid"] = .integer(Int64(try id(halves[1]))) }
        }
        let groups = given.all("additional-gids")
        if !groups.isEmpty {
            var list = object["additionalGids"]?.array ?? []
            for group in groups { list.append(.integer(Int64(try id(group)))) }
            object["additionalGids"] = .array(list)
        }
        return given.value("user") == nil && groups.isEmpty ? nil : .object(object)
    }

    /// Digits alone, 0 … 2^32-2 (CVE-2026-30892, CVE-2024-40635).
    private static func id(_ text: String) throws(CommandError) -> UInt32 {
        guard let number = accountNumber(text) else {
            throw .usage("user or group id \(text): a number from 0 to 4294967294 expected")
        }
        return number
    }

    private static func adding(_ name: String, to sets: JSON?) -> JSON {
        var object = sets?.object ?? JSONObject()
        for set in ["bounding", "effective", "permitted"] {
            let list = object[set]?.array ?? []
            if !list.contains(.string(name)) { object[set] = .array(list + [.string(name)]) }
        }
        return .object(object)
    }
}
