import Executor
import Glibc
import LinuxSys
import OCI

/// What is kept of a container between two commands: `ROOT/ID/state.json` (see StateFile), and until it is started `ROOT/ID/start.sock`.
///
/// While it is being made the file is called `creating.json`: it gets its name when it is complete. One file, because each costs some file
/// systems a search for a free inode; and a new name, because what takes the place of another they write to the disk at once.
///
/// The record is there before anything of the container is, and is the last to go: what a killed command leaves can be found.
struct StateStore {
    let root: String

    init(root: String) { self.root = root.hasPrefix("/") ? root : "\((try? currentDirectory()) ?? "/")/\(root)" }

    func directory(_ id: String) -> String { "\(root)/\(id)" }

    /// Letters, digits and `_+-.`; never a way out of the directory.
    static func check(_ id: String) throws(CommandError) {
        let allowed = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || "_+-.".utf8.contains(byte)
        }
        guard allowed, !id.isEmpty, id != ".", id != "..", id.utf8.count <= 255 else {
            throw .usage("invalid container ID format: \(id): letters, digits and _+-. expected")
        }
    }

    /// A new directory, 0700, that nobody else has, with the first record of the container in it.
    func make(_ record: ContainerRecord, _ configuration: [UInt8]) throws(CommandError) {
        var made = unsafe mkdir(directory(record.id), 0o700)
        if made != 0, errno == ENOENT {
            try makeRoot()
            made = unsafe mkdir(directory(record.id), 0o700)
        }
        guard made == 0 else {
            guard errno == EEXIST else { throw .kernel(SysError(errno, "mkdir", on: directory(record.id))) }
            throw .state(operation: "create", id: record.id, reason: "container with given ID already exists")
        }
        do {
            try kernel { () throws(SysError) in
                let file = try FD.open(creating(record.id), O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(StateFile.beginning(record.json, configuration))
            }
        } catch {
            remove(record.id)
            throw error
        }
    }

    private func makeRoot() throws(CommandError) {
        var path = ""
        for part in pathParts(root) {
            path += "/\(part)"
            guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { continue }
            throw .kernel(SysError(errno, "mkdir", on: path))
        }
    }

    private func creating(_ id: String) -> String { "\(directory(id))/creating.json" }
    private func state(_ id: String) -> String { "\(directory(id))/state.json" }

    private func configuration(in bytes: [UInt8], _ id: String) throws(CommandError) -> [UInt8] {
        guard let config = StateFile.config(in: bytes) else {
            throw .state(operation: "read", id: state(id), reason: "there is no configuration in it")
        }
        return config
    }

    func spec(_ record: ContainerRecord) throws(CommandError) -> RuntimeSpec {
        try Files.spec(configuration(in: file(record.id) ?? [], record.id), state(record.id))
    }

    /// Whole or not at all. Not made durable: after a crash of the host there is no container to be found.
    func save(_ record: ContainerRecord) throws(CommandError) {
        try kernel { () throws(SysError) in
            do throws(SysError) {
                let file = try FD.open(creating(record.id), O_WRONLY)
                try file.writeAll(StateFile.ending(record.json)[...], at: file.length() - 1)
            } catch  where error.errno == ENOENT {
                let present = try FD.open(state(record.id), O_RDONLY).readAll(limit: Self.limit)
                return try Files.replace(state(record.id), with: StateFile.changed(present, record.json), mode: 0o600)
            }
            guard unsafe rename(creating(record.id), state(record.id)) == 0 else { throw SysError(errno, "rename", on: state(record.id)) }
        }
    }

    /// The configuration and the records.
    private static let limit = SpecError.documentLimit + (2 << 20)

    /// Everything that is kept of it.
    func remove(_ id: String) {
        // Nearly always there is nothing else. The records last: without them nobody finds the rest.
        for name in ["start.sock", "creating.json", "state.json"] { _ = unsafe unlink("\(directory(id))/\(name)") }
        if unsafe rmdir(directory(id)) == 0 { return }
        guard let name = FileName(Array(id.utf8)), let place = try? FD.open(root, O_RDONLY | O_DIRECTORY) else { return }
        try? place.removeTree(name)
    }

    func load(_ id: String, for operation: String) throws(CommandError) -> ContainerRecord { try loadAll(id, for: operation).record }

    /// With config.json as it was at the creation: what becomes of the bundle's own does not change a container that is there
    /// (runtime.md, "Create").
    func loadWithConfiguration(_ id: String, for operation: String) throws(CommandError) -> (record: ContainerRecord, config: [UInt8]) {
        let (record, bytes) = try loadAll(id, for: operation)
        return (record, try configuration(in: bytes, id))
    }

    private func loadAll(_ id: String, for operation: String) throws(CommandError) -> (record: ContainerRecord, bytes: [UInt8]) {
        try Self.check(id)
        // One that was cut off says nothing, as nothing was made before it was whole.
        guard let bytes = try file(id), let json = StateFile.record(in: bytes) else { throw .missing(operation, id) }
        guard let record = ContainerRecord(json) else {
            throw .state(operation: "read", id: state(id), reason: "it is not a container's state")
        }
        return (record, bytes)
    }

    /// It may get its name between two looks.
    private func file(_ id: String) throws(CommandError) -> [UInt8]? {
        if let found = try read(state(id)) { return found }
        if let found = try read(creating(id)) { return found }
        return try read(state(id))
    }

    /// Nil when it is not there.
    private func read(_ path: String) throws(CommandError) -> [UInt8]? {
        do { return try FD.open(path, O_RDONLY).readAll(limit: Self.limit) } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR else { throw .kernel(error) }
            return nil
        }
    }

    /// Keeps other commands from starting or removing a container while this one does; nil when there is none. It ends with the box.
    func lock(_ id: String) throws(CommandError) -> FDBox? {
        try Self.check(id)
        while true {
            let place: FDBox
            do { place = FDBox(try FD.open(directory(id), O_RDONLY | O_DIRECTORY)) } catch {
                guard error.errno == ENOENT || error.errno == ENOTDIR else { throw .kernel(error) }
                return nil
            }
            let isSame = try kernel { () throws(SysError) in
                _ = try place.fd.lock(exclusive: true, waiting: true)
                // Whoever held it may have removed it, and somebody else may have made another.
                guard let now = try? FD.open(directory(id), openPathOnly | O_DIRECTORY) else { return false }
                return try now.info().isSameFile(as: place.fd.info())
            }
            if isSame { return place }
        }
    }

    var ids: [String] { ((try? subdirectories(of: root)) ?? []).sorted() }
}

/// The socket at which the init of a created container waits for the word to start.
extension StateStore {
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
}
