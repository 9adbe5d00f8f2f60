import Executor
import Glibc
import LinuxSys
import OCI

/// What is kept of a container between two commands: `ROOT/ID/state.json`, and until it is started `ROOT/ID/start.sock`.
struct StateStore {
    let root: String

    init(root: String) { self.root = root.hasPrefix("/") ? root : "\(Self.workingDirectory)/\(root)" }

    static var workingDirectory: String { (try? currentDirectory()) ?? "/" }

    func directory(_ id: String) -> String { "\(root)/\(id)" }

    /// Letters, digits and `_+-.`; never a way out of the directory.
    static func check(_ id: String) throws(CommandError) {
        let allowed = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || "_+-.".utf8.contains(byte)
        }
        guard allowed, !id.isEmpty, id != ".", id != "..", id.utf8.count <= 255 else {
            throw .usage("container id \(id): letters, digits and _+-. expected")
        }
    }

    /// A new directory, 0700, that nobody else has.
    func make(_ id: String) throws(CommandError) {
        try Self.check(id)
        var path = ""
        for part in root.split(separator: "/") {
            path += "/\(part)"
            guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { continue }
            throw .kernel(SysError(errno, "mkdir", on: path))
        }
        guard unsafe mkdir(directory(id), 0o700) != 0 else { return }
        guard errno != EEXIST else { throw .state(operation: "create", id: id, reason: "a container of this id exists") }
        throw .kernel(SysError(errno, "mkdir", on: directory(id)))
    }

    func remove(_ id: String) {
        for name in ["start.sock", "state.json"] { _ = unsafe unlink("\(directory(id))/\(name)") }
        _ = unsafe rmdir(directory(id))
    }

    /// Binding and connecting go through the directory's descriptor: its path may be longer than a socket's may.
    func listener(_ id: String) throws(CommandError) -> FD {
        try kernel { () throws(SysError) in
            let place = try FD.open(directory(id), openPathOnly | O_DIRECTORY)
            return try FD.listenForRecords(at: "/proc/self/fd/\(place.raw)/start.sock")
        }
    }

    func startSocket(_ id: String) throws(SysError) -> FD {
        let place = try FD.open(directory(id), openPathOnly | O_DIRECTORY)
        return try FD.connectForRecords(to: "/proc/self/fd/\(place.raw)/start.sock")
    }

    func waitsForStart(_ id: String) -> Bool { unsafe access("\(directory(id))/start.sock", F_OK) == 0 }
    func forgetStart(_ id: String) { _ = unsafe unlink("\(directory(id))/start.sock") }

    func save(_ record: ContainerRecord) throws(CommandError) {
        try kernel { () throws(SysError) in
            try replaceFile(at: "\(directory(record.id))/state.json", with: record.json.encoded(), mode: 0o600)
        }
    }

    func load(_ id: String) throws(CommandError) -> ContainerRecord {
        try Self.check(id)
        let path = "\(directory(id))/state.json"
        let bytes: [UInt8]
        do { bytes = try FD.open(path, O_RDONLY).readAll(limit: 1 << 20) } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR else { throw .kernel(error) }
            throw .state(operation: "find container", id: id, reason: "it does not exist below \(root)")
        }
        guard let json = try? JSON(parsing: bytes), let record = ContainerRecord(json) else {
            throw .state(operation: "read", id: path, reason: "it is not a container's state")
        }
        return record
    }

    var ids: [String] { ((try? subdirectories(of: root)) ?? []).sorted() }
}

/// A container as it is written down.
struct ContainerRecord {
    var id: String
    var bundle: String
    var rootfs: String
    var pid: Int32
    /// Of the process, in clock ticks: a pid that was given away again is not taken for it.
    var started: UInt64
    var created: String
    var annotations: [String: String]
    var cgroup = CgroupPaths()
    var options = ExecutorOptions()
}

extension ContainerRecord {
    init?(_ json: JSON) {
        guard let id = json["id"]?.string, let bundle = json["bundle"]?.string, let rootfs = json["rootfs"]?.string,
            let pid = json["pid"]?.int64,
            let started = json["started"]?.int64, let created = json["created"]?.string, let entries = json["cgroup"]?.array
        else { return nil }
        self.init(
            id: id, bundle: bundle, rootfs: rootfs, pid: Int32(truncatingIfNeeded: pid), started: UInt64(bitPattern: started),
            created: created, annotations: [:])
        for member in json["annotations"]?.object?.members ?? [] { annotations[member.name] = member.value.string }
        cgroup = CgroupPaths(
            entries.compactMap { entry in
                guard let controller = entry["controller"]?.string, let directory = entry["directory"]?.string else { return nil }
                return CgroupPaths.Entry(controller: controller, directory: directory)
            })
        options.noPivotRoot = json["noPivotRoot"]?.bool ?? false
        options.noNewKeyring = json["noNewKeyring"]?.bool ?? false
    }

    var json: JSON {
        var notes = JSONObject()
        for (name, value) in annotations.sorted(by: { $0.key < $1.key }) { notes[name] = .string(value) }
        return [
            "version": 1, "id": .string(id), "bundle": .string(bundle), "rootfs": .string(rootfs), "pid": .integer(Int64(pid)),
            "started": .integer(Int64(bitPattern: started)), "created": .string(created), "annotations": .object(notes),
            "cgroup": .array(cgroup.entries.map { ["controller": .string($0.controller), "directory": .string($0.directory)] }),
            "noPivotRoot": .bool(options.noPivotRoot), "noNewKeyring": .bool(options.noNewKeyring),
        ]
    }

    /// Its init, if that still lives: a pidfd, checked against the time of birth.
    func living() -> FDBox? {
        guard pid > 0, let pidfd = try? FD.pidfd(of: pid), processStartTime(pid) == started, !Self.isZombie(pid) else { return nil }
        return FDBox(pidfd)
    }

    /// proc_pid_stat(5): the state follows the name in parentheses. A process that nobody has reaped yet has ended.
    private static func isZombie(_ pid: Int32) -> Bool {
        guard let bytes = try? FD.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096) else { return true }
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count else { return true }
        return bytes[end + 2] == UInt8(ascii: "Z") || bytes[end + 2] == UInt8(ascii: "X")
    }

    func reference(_ pidfd: FDBox?) -> ContainerReference {
        var result = ContainerReference(id: id, bundle: bundle, pid: pidfd == nil ? 0 : pid, pidfd: pidfd?.raw ?? -1, cgroup: cgroup)
        result.options = options
        return result
    }

    func status(_ store: StateStore) -> ContainerState.Status {
        guard living() != nil else { return .stopped }
        return store.waitsForStart(id) ? .created : .running
    }
}
