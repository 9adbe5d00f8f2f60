import Cgroups
import Executor
import LinuxSys
import OCI

/// A process that is not mistaken for another one of the same number: its birth in clock ticks goes with it.
struct ProcessIdentity: Equatable {
    var pid: Int32
    var started: UInt64

    init(pid: Int32, started: UInt64) {
        self.pid = pid
        self.started = started
    }

    /// Nil when it has ended.
    init?(of pid: Int32) {
        guard let started = processStartTime(pid) else { return nil }
        self.init(pid: pid, started: started)
    }

    static let none = ProcessIdentity(pid: 0, started: 0)

    /// A pidfd of it, if it has not ended: one that waits to be reaped has.
    func living() -> FDBox? {
        guard pid > 0, let pidfd = try? FD.pidfd(of: pid), processStartTime(pid) == started else { return nil }
        return FDBox(pidfd)
    }
}

/// A container as it is written down.
struct ContainerRecord: Equatable {
    var id: String
    var bundle: String
    var rootfs: String
    /// Its init.
    var process = ProcessIdentity.none
    var created: String
    var annotations: [String: String]
    /// While it is being made: what of these did not exist before. Afterwards all that it has.
    var cgroup = CgroupPaths()
    var options = ExecutorOptions()
    /// Who makes it. Nil when it is made.
    var creator: ProcessIdentity?

    /// Its init, if that still lives.
    func living() -> FDBox? { process.living() }

    func reference(_ pidfd: FDBox?, _ spec: RuntimeSpec?) -> ContainerReference {
        var result = ContainerReference(
            id: id, bundle: bundle, pid: pidfd == nil ? 0 : process.pid, pidfd: pidfd?.raw ?? -1, cgroup: cgroup)
        result.options = options
        result.spec = spec
        return result
    }

    var group: Cgroup { Cgroup(cgroup) }

    /// runtime.md, "State". One that was never finished and that nobody finishes any more has stopped.
    func status(_ store: StateStore) -> ContainerState.Status { status(store, living: creator == nil && living() != nil) }

    /// `living`: its init.
    func status(_ store: StateStore, living: Bool) -> ContainerState.Status {
        if let creator { return creator.living() == nil ? .stopped : .creating }
        guard living else { return .stopped }
        if group.frozen { return .paused }
        return store.waitsForStart(id) ? .created : .running
    }
}

extension ContainerRecord {
    private static let version: Int64 = 3

    init?(_ json: JSON) {
        guard let id = json["id"]?.string, let bundle = json["bundle"]?.string, let rootfs = json["rootfs"]?.string,
            let process = ProcessIdentity(json), let created = json["created"]?.string, let entries = json["cgroup"]?.array
        else { return nil }
        self.init(id: id, bundle: bundle, rootfs: rootfs, process: process, created: created, annotations: [:])
        for member in json["annotations"]?.object?.members ?? [] { annotations[member.name] = member.value.string }
        cgroup = CgroupPaths(
            entries.compactMap { entry in
                guard let controller = entry["controller"]?.string, let directory = entry["directory"]?.string else { return nil }
                return Cgroup.Directory(controller: controller, path: directory)
            })
        options.noPivotRoot = json["noPivotRoot"]?.bool ?? false
        options.noNewKeyring = json["noNewKeyring"]?.bool ?? false
        options.systemdCgroup = json["systemdCgroup"]?.bool ?? false
        creator = json["creator"].flatMap { ProcessIdentity($0) }
    }

    /// No literals: a list of pairs would be one more type for a short-lived command to make.
    var json: JSON {
        var notes = JSONObject()
        for (name, value) in annotations.sorted(by: { $0.key < $1.key }) { notes[name] = .string(value) }
        var result = JSONObject()
        result["version"] = .integer(Self.version)
        result["id"] = .string(id)
        result["bundle"] = .string(bundle)
        result["rootfs"] = .string(rootfs)
        process.write(into: &result)
        result["created"] = .string(created)
        result["annotations"] = .object(notes)
        result["cgroup"] = .array(
            cgroup.entries.map { entry in
                var place = JSONObject()
                place["controller"] = .string(entry.controller)
                place["directory"] = .string(entry.path)
                return .object(place)
            })
        result["noPivotRoot"] = .bool(options.noPivotRoot)
        result["noNewKeyring"] = .bool(options.noNewKeyring)
        result["systemdCgroup"] = .bool(options.systemdCgroup)
        if let creator {
            var identity = JSONObject()
            creator.write(into: &identity)
            result["creator"] = .object(identity)
        }
        return .object(result)
    }
}

extension ProcessIdentity {
    fileprivate init?(_ json: JSON) {
        guard let pid = json["pid"]?.int64, let started = json["started"]?.int64 else { return nil }
        self.init(pid: Int32(truncatingIfNeeded: pid), started: UInt64(bitPattern: started))
    }

    fileprivate func write(into object: inout JSONObject) {
        object["pid"] = .integer(Int64(pid))
        object["started"] = .integer(Int64(bitPattern: started))
    }
}
