import Executor
import Glibc
import LinuxSys
import OCI

/// `start`: the word that a created container's init waits for.
struct StartCommand {
    private let store: StateStore
    private let record: ContainerRecord

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.store = store
        record = try store.load(try words.one("the container's id", of: "start"))
    }

    func run() throws(CommandError) -> Int32 {
        let status = record.status(store)
        guard status == .created else { throw .state(operation: "start", id: record.id, reason: "it is \(status.rawValue), not created") }
        let gate: FDBox
        do { gate = FDBox(try store.startSocket(record.id)) } catch {
            throw .state(operation: "start", id: record.id, reason: "its init does not answer: \(error.reason)")
        }
        try kernel { () throws(SysError) in try gate.fd.send(ExecutorRecord.start.encoded) }
        store.forgetStart(record.id)
        let message = try kernel { () throws(SysError) in try gate.fd.receive() }
        if let bytes = message?.bytes, case .failed(let failure) = ExecutorRecord(bytes) { throw .executor(failure) }
        try Self.poststart(record.id, store, try Paths.spec(record.bundle))
        return 0
    }

    /// Its failures are warnings.
    static func poststart(_ id: String, _ store: StateStore, _ spec: RuntimeSpec) throws(CommandError) {
        guard !spec.hooks.poststart.isEmpty else { return }
        let record = try store.load(id)
        let session = try ExecutorSession(.poststart(record.reference(record.living())))
        if case .failed(let failure) = try session.next() { complain("warning: \(failure)") }
        session.finish()
    }
}

/// `kill`.
struct KillCommand {
    private let record: ContainerRecord
    private let signal: Int32
    private let all: Bool

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        guard (1...2).contains(words.rest.count) else { throw .usage("kill: the container's id and a signal expected") }
        record = try store.load(words.rest[0])
        signal = try words.rest.count == 2 ? Self.number(words.rest[1]) : SIGTERM
        all = words.has("all")
    }

    func run() throws(CommandError) -> Int32 {
        if all {
            // Each by a pidfd: a number could be another's by the time that it is used.
            for pid in try Self.processes(record) { try? FD.pidfd(of: pid).signalProcess(signal) }
            return 0
        }
        guard let pidfd = record.living() else { throw .state(operation: "kill", id: record.id, reason: "it does not run") }
        try kernel { () throws(SysError) in try pidfd.fd.signalProcess(signal) }
        return 0
    }

    private static func processes(_ record: ContainerRecord) throws(CommandError) -> [Int32] {
        var result: Set<Int32> = []
        for directory in record.cgroup.entries.map(\.directory) {
            guard let bytes = try? FD.open("\(directory)/cgroup.procs", O_RDONLY).readAll(limit: 16 << 20) else { continue }
            result.formUnion(String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) })
        }
        return result.sorted()
    }

    /// signal(7): a number, or a name with or without SIG.
    static func number(_ text: String) throws(CommandError) -> Int32 {
        if let number = Int32(text), (1...64).contains(number) { return number }
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let number = names[name] { return number }
        for (prefix, base, step) in [("RTMIN+", Int32(34), Int32(1)), ("RTMAX-", 64, -1)] where name.hasPrefix(prefix) {
            if let offset = Int32(name.dropFirst(prefix.count)), (0...30).contains(offset) { return base + step * offset }
        }
        throw .usage("kill: unknown signal \(text)")
    }

    private static let names: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "BUS": SIGBUS, "FPE": SIGFPE,
        "KILL": SIGKILL,
        "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2, "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM, "CHLD": SIGCHLD,
        "CONT": SIGCONT,
        "STOP": SIGSTOP, "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
        "VTALRM": SIGVTALRM,
        "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "PWR": SIGPWR, "SYS": SIGSYS, "RTMIN": 34, "RTMAX": 64,
    ]
}

/// `delete`.
struct DeleteCommand {
    private let store: StateStore
    private let id: String
    private let force: Bool

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.store = store
        id = try words.one("the container's id", of: "delete")
        force = words.has("force")
        try StateStore.check(id)
    }

    func run() throws(CommandError) -> Int32 {
        let record: ContainerRecord
        do { record = try store.load(id) } catch {
            // What a killed `create` left has a directory and no state.
            guard force else { throw error }
            store.remove(id)
            return 0
        }
        let status = record.status(store)
        guard force || status != .running else {
            throw .state(operation: "delete", id: id, reason: "it is running; stop it first, or use --force")
        }
        try Self.remove(id, store)
        return 0
    }

    static func remove(_ id: String, _ store: StateStore) throws(CommandError) {
        let record = try store.load(id)
        let session = try ExecutorSession(.delete(record.reference(record.living())))
        let outcome = try session.next()
        session.finish()
        switch outcome {
        case .done: store.remove(id)
        case .failed(let failure): throw .executor(failure)
        case .ready, .ended: throw .state(operation: "delete", id: id, reason: "the executor ended without a word")
        }
    }
}

/// `state`.
struct StateCommand {
    private let store: StateStore
    private let record: ContainerRecord

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.store = store
        record = try store.load(try words.one("the container's id", of: "state"))
    }

    func run() -> Int32 {
        write(Self.json(record, store).text(pretty: true) + "\n", to: 1)
        return 0
    }

    static func json(_ record: ContainerRecord, _ store: StateStore) -> JSON {
        let status = record.status(store)
        let state = ContainerState(
            id: record.id, status: status, pid: status == .stopped ? nil : record.pid, bundle: record.bundle,
            annotations: record.annotations)
        guard case .object(var object) = state.json else { return state.json }
        object["rootfs"] = .string(record.rootfs)
        object["created"] = .string(record.created)
        return .object(object)
    }
}

/// `list`.
struct ListCommand {
    private let store: StateStore
    private let words: CommandLineWords

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.store = store
        self.words = words
        guard words.rest.isEmpty else { throw .usage("list: no argument expected") }
    }

    func run() throws(CommandError) -> Int32 {
        let records = store.ids.compactMap { try? store.load($0) }
        switch words.value("format") ?? "table" {
        case _ where words.has("quiet"): for record in records { write(record.id + "\n", to: 1) }
        case "json": write(JSON.array(records.map { StateCommand.json($0, store) }).text() + "\n", to: 1)
        case "table":
            let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED"]
            let rows = records.map { record in
                let status = record.status(store)
                return [record.id, status == .stopped ? "0" : "\(record.pid)", status.rawValue, record.bundle, record.created]
            }
            Self.table([head] + rows)
        case let other: throw .usage("list: unknown format \(other)")
        }
        return 0
    }

    private static func table(_ rows: [[String]]) {
        let widths = (0..<5).map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, text in
                column == 4 ? text : text + String(repeating: " ", count: widths[column] - text.utf8.count + 2)
            }
            write(cells.joined() + "\n", to: 1)
        }
    }
}
