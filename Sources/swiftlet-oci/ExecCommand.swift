import Executor
import Glibc
import LinuxSys
import OCI

/// `exec`.
struct ExecCommand {
    private let words: CommandLineWords
    private let record: ContainerRecord
    private let document: JSON
    private let process: ProcessSpec

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.words = words
        guard let id = words.rest.first else { throw .usage("exec: the container's id and a command expected") }
        record = try store.load(id)
        let status = record.status(store)
        guard status == .running else { throw .state(operation: "exec", id: id, reason: "it is \(status.rawValue), not running") }
        document = try Self.document(words, record)
        do { process = try ProcessSpec(json: document.encoded()) } catch { throw .state(operation: "exec", id: id, reason: "\(error)") }
    }

    func run() throws(CommandError) -> Int32 {
        guard let pidfd = record.living() else { throw .state(operation: "exec", id: record.id, reason: "it does not run") }
        let socket = words.value("console-socket")
        let detached = words.has("detach")
        if process.terminal, detached, socket == nil { throw .usage("exec: --console-socket is needed to hand the terminal over") }
        if !process.terminal, socket != nil { throw .usage("exec: --console-socket without a terminal") }
        let relay = process.terminal && socket == nil
        let size = relay ? Relay.window() : (rows: 0, columns: 0)
        let signals = detached ? nil : try Relay.catchSignals()
        var request = ExecRequest(
            container: record.reference(pidfd), process: document.encoded(),
            streams: process.terminal ? .terminal(rows: size.rows, columns: size.columns) : .descriptors(stdin: 0, stdout: 1, stderr: 2))
        request.preservedDescriptors = try words.number("preserve-fds") ?? 0
        let session = try ExecutorSession(.exec(request))
        let outcome = try session.next()
        withExtendedLifetime(pidfd) {}
        session.reapExecutor()
        if case .failed(let failure) = outcome {
            session.reapProcess()
            throw .executor(failure)
        }
        guard let made = session.process else {
            throw .state(operation: "exec", id: record.id, reason: "the executor ended without a word")
        }
        if let socket, let console = session.console { try Paths.send(console, to: socket) }
        if let path = words.value("pid-file") {
            try kernel { () throws(SysError) in try replaceFile(at: path, with: Array("\(made.pid)".utf8), mode: 0o644) }
        }
        guard let signals else { return 0 }
        return Int32(try Relay(process: made.pidfd, console: relay ? session.console : nil, signals: signals).run().number)
    }

    /// The `process` object: a file as it is, or the container's own with what the options change.
    private static func document(_ words: CommandLineWords, _ record: ContainerRecord) throws(CommandError) -> JSON {
        if let path = words.value("process") {
            guard words.rest.count == 1 else { throw .usage("exec: --process takes the place of a command") }
            return try parse(
                try kernel { () throws(SysError) in try FD.open(path, O_RDONLY).readAll(limit: SpecError.documentLimit) }, path)
        }
        guard words.rest.count > 1 else { throw .usage("exec: a command expected") }
        let config = try parse(try Paths.document(record.bundle), record.bundle)
        guard case .object(var process) = config["process"] else {
            throw .state(operation: "exec", id: record.id, reason: "config.json has no process")
        }
        process["args"] = .array(words.rest.dropFirst().map { .string($0) })
        process["terminal"] = .bool(words.has("tty"))
        if let cwd = words.value("cwd") { process["cwd"] = .string(cwd) }
        process["env"] = .array((process["env"]?.array ?? []) + words.all("env").map { .string($0) })
        if words.has("no-new-privs") { process["noNewPrivileges"] = true }
        if let user = try user(words, process["user"]) { process["user"] = user }
        for name in words.all("cap") { process["capabilities"] = adding(name, to: process["capabilities"]) }
        return .object(process)
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(CommandError) -> JSON {
        do { return try JSON(parsing: bytes) } catch { throw .state(operation: "read", id: path, reason: "\(error)") }
    }

    private static func user(_ words: CommandLineWords, _ current: JSON?) throws(CommandError) -> JSON? {
        var object = current?.object ?? JSONObject()
        if let text = words.value("user") {
            let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            object["uid"] = .integer(Int64(try id(halves[0])))
            if halves.count == 2 { object["gid"] = .integer(Int64(try id(halves[1]))) }
        }
        let groups = words.all("additional-gids")
        if !groups.isEmpty {
            var list = object["additionalGids"]?.array ?? []
            for group in groups { list.append(.integer(Int64(try id(group)))) }
            object["additionalGids"] = .array(list)
        }
        return words.value("user") == nil && groups.isEmpty ? nil : .object(object)
    }

    /// Digits alone, 0 … 2^32-2 (CVE-2026-30892, CVE-2024-40635).
    static func id(_ text: String) throws(CommandError) -> UInt32 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text), number != .max else {
            throw .usage("exec: user or group id \(text): a number from 0 to 4294967294 expected")
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
