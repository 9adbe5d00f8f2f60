package import Cgroups
package import Executor
internal import LinuxSys
internal import OCI

/// What a later process (`delete`, after this shim was killed; perhaps a newer one) needs to know of a task: a JSON file in the bundle.
///
/// Fields are only ever added; a file with a higher `version` is refused by name.
package struct TaskRecord: Equatable, Sendable {
    package static let fileName = "swiftlet-task.json"
    package static let version = 1

    package var id: String
    package var pid: Int32
    /// Of the process, in clock ticks after boot: a pid that came back is not taken for it.
    package var startTime: UInt64
    package var cgroup: CgroupPaths
    package var options: ExecutorOptions
    package var ending: Ending?

    package init(id: String, pid: Int32, startTime: UInt64, cgroup: CgroupPaths, options: ExecutorOptions, ending: Ending? = nil) {
        self.id = id
        self.pid = pid
        self.startTime = startTime
        self.cgroup = cgroup
        self.options = options
        self.ending = ending
    }

    package var encoded: [UInt8] {
        var object = JSONObject()
        object["version"] = .integer(Int64(Self.version))
        object["id"] = .string(id)
        object["pid"] = .integer(Int64(pid))
        object["startTime"] = .unsigned(startTime)
        object["cgroup"] = .array(cgroup.entries.map { ["controller": .string($0.controller), "directory": .string($0.path)] })
        object["systemdCgroup"] = .bool(options.systemdCgroup)
        object["noPivotRoot"] = .bool(options.noPivotRoot)
        object["noNewKeyring"] = .bool(options.noNewKeyring)
        if let runtime = options.runtime { object["runtime"] = ["program": .string(runtime.program), "root": .string(runtime.root)] }
        if let ending { object["exit"] = ["status": .integer(Int64(ending.status)), "time": .unsigned(ending.time)] }
        return JSON.object(object).encoded()
    }

    /// Throws an error whose text names the field.
    package init(parsing bytes: [UInt8]) throws(TaskError) {
        do throws(FieldError) {
            let document: JSON
            do throws(JSONError) { document = try JSON(parsing: bytes) } catch { throw FieldError("document", error.description) }
            let fields = JSONField(document)
            let version = try fields.member("version").integer(Int.self)
            guard version <= Self.version else { throw FieldError("version", "\(version) is newer than \(Self.version)") }
            try self.init(fields)
        } catch {
            throw .invalid(Self.fileName, error.description)
        }
    }

    private init(_ fields: JSONField) throws(FieldError) {
        id = try fields.member("id").string()
        pid = try fields.member("pid").integer()
        startTime = try fields.member("startTime").integer()
        var entries: [Cgroup.Directory] = []
        for entry in try fields.member("cgroup").elements() {
            entries.append(.init(controller: try entry.member("controller").string(), path: try entry.member("directory").string()))
        }
        cgroup = CgroupPaths(entries)
        options = ExecutorOptions()
        options.systemdCgroup = try fields.member("systemdCgroup").optionalBool() ?? false
        options.noPivotRoot = try fields.member("noPivotRoot").optionalBool() ?? false
        options.noNewKeyring = try fields.member("noNewKeyring").optionalBool() ?? false
        let runtime = try fields.member("runtime")
        if runtime.isPresent {
            options.runtime = ForeignRuntime(program: try runtime.member("program").string(), root: try runtime.member("root").string())
        }
        let exit = try fields.member("exit")
        ending =
            exit.isPresent
            ? Ending(status: try exit.member("status").integer(), time: try exit.member("time").integer()) : nil
    }
}
