import Executor
import Glibc
import LinuxSys
import OCI

/// `create` and `run`.
struct CreateCommand {
    private let store: StateStore
    private let words: CommandLineWords
    private let id: String
    private let bundle: String
    private let spec: RuntimeSpec
    private var options = ExecutorOptions()

    init(_ store: StateStore, _ words: CommandLineWords) throws(CommandError) {
        self.store = store
        self.words = words
        id = try words.one("the container's id", of: "create")
        try StateStore.check(id)
        bundle = try Paths.absolute(words.value("bundle") ?? ".")
        spec = try Paths.spec(bundle)
        options.noPivotRoot = words.has("no-pivot")
        options.noNewKeyring = words.has("no-new-keyring")
    }

    private var terminal: Bool { spec.process?.terminal ?? false }

    func create() throws(CommandError) -> Int32 {
        try checkConsole(needed: terminal)
        try store.make(id)
        do {
            let listener = try store.listener(id)
            var request = try request(terminal ? .terminal(rows: 0, columns: 0) : .descriptors(stdin: 0, stdout: 1, stderr: 2))
            request.gate = .listener(listener.raw)
            let session = try make(request)
            try hand(over: session)
            session.reapExecutor()
            return 0
        } catch {
            store.remove(id)
            throw error
        }
    }

    func run() throws(CommandError) -> Int32 {
        let detached = words.has("detach")
        try checkConsole(needed: terminal && detached)
        try store.make(id)
        do {
            let relay = terminal && words.value("console-socket") == nil
            let size = relay ? Relay.window() : (rows: 0, columns: 0)
            let signals = detached ? nil : try Relay.catchSignals()
            let request = try request(
                terminal ? .terminal(rows: size.rows, columns: size.columns) : .descriptors(stdin: 0, stdout: 1, stderr: 2))
            let session = try make(request)
            if !relay { try hand(over: session) } else { try writePid(session) }
            session.reapExecutor()
            try begin(session)
            if detached { return 0 }
            guard let process = session.process, let signals else { return 1 }
            let status = try Relay(process: process.pidfd, console: relay ? session.console : nil, signals: signals).run()
            if !words.has("keep") { try DeleteCommand.remove(id, store) }
            return Int32(status.number)
        } catch {
            store.remove(id)
            throw error
        }
    }

    /// Lets the program begin; the executor has gone, and the end of the stream says that it was executed.
    private func begin(_ session: ExecutorSession) throws(CommandError) {
        try session.start()
        if case .failed(let failure) = try session.next() {
            session.reapProcess()
            try? DeleteCommand.remove(id, store)
            throw .executor(failure)
        }
        try StartCommand.poststart(id, store, spec)
    }

    private func request(_ streams: ProcessStreams) throws(CommandError) -> CreateRequest {
        var request = CreateRequest(id: id, bundle: bundle, streams: streams)
        request.options = options
        request.preservedDescriptors = try words.number("preserve-fds") ?? 0
        return request
    }

    /// Up to `ready`; the state is written before anybody is told.
    private func make(_ request: CreateRequest) throws(CommandError) -> ExecutorSession {
        let session = try ExecutorSession(.create(request))
        switch try session.next() {
        case .ready: break
        case .failed(let failure):
            session.finish()
            session.reapProcess()
            throw .executor(failure)
        case .done, .ended:
            session.finish()
            throw .state(operation: "create", id: id, reason: "the executor ended without a word")
        }
        guard let process = session.process else { throw .state(operation: "create", id: id, reason: "no process was reported") }
        var record = ContainerRecord(
            id: id, bundle: bundle, rootfs: Paths.join(bundle, spec.root.path), pid: process.pid,
            started: processStartTime(process.pid) ?? 0,
            created: Paths.now(), annotations: spec.annotations)
        record.cgroup = session.cgroup
        record.options = options
        do { try store.save(record) } catch {
            Self.abandon(session)
            throw error
        }
        return session
    }

    /// Gives the terminal and the pid to whom they are for; a container of which nobody can be told is removed.
    private func hand(over session: ExecutorSession) throws(CommandError) {
        do {
            if let socket = words.value("console-socket"), let console = session.console { try Paths.send(console, to: socket) }
            try writePid(session)
        } catch {
            session.reapExecutor()
            Self.abandon(session)
            try? DeleteCommand.remove(id, store)
            throw error
        }
    }

    private static func abandon(_ session: ExecutorSession) {
        try? session.process?.pidfd.fd.signalProcess(SIGKILL)
        session.reapProcess()
    }

    private func writePid(_ session: ExecutorSession) throws(CommandError) {
        guard let path = words.value("pid-file"), let process = session.process else { return }
        try kernel { () throws(SysError) in try replaceFile(at: path, with: Array("\(process.pid)".utf8), mode: 0o644) }
    }

    private func checkConsole(needed: Bool) throws(CommandError) {
        let given = words.value("console-socket") != nil
        if needed, !given { throw .usage("process.terminal is true: --console-socket is needed to hand the terminal over") }
        if given, !terminal { throw .usage("--console-socket: process.terminal in config.json is false") }
    }
}

/// Small things about paths and files that several commands need.
enum Paths {
    /// Absolute, without links; the directory must be there.
    static func absolute(_ path: String) throws(CommandError) -> String {
        let place = try kernel { () throws(SysError) in try FD.open(path, openPathOnly | O_DIRECTORY) }
        let here = try kernel { () throws(SysError) in try FD.open("/proc/self/fd", openPathOnly | O_DIRECTORY) }
        return try kernel { () throws(SysError) in try here.readLink("\(place.raw)") }
    }

    static func join(_ directory: String, _ path: String) -> String { path.hasPrefix("/") ? path : "\(directory)/\(path)" }

    static func document(_ bundle: String) throws(CommandError) -> [UInt8] {
        try kernel { () throws(SysError) in
            try FD.open("\(bundle)/config.json", O_RDONLY | O_NONBLOCK).readAll(limit: SpecError.documentLimit)
        }
    }

    static func spec(_ bundle: String) throws(CommandError) -> RuntimeSpec {
        let bytes = try document(bundle)
        do { return try RuntimeSpec(json: bytes) } catch {
            throw .state(operation: "read", id: "\(bundle)/config.json", reason: "\(error)")
        }
    }

    /// runc's docs/terminals.md: one message on a stream socket with the descriptor and a name.
    static func send(_ console: FDBox, to socket: String) throws(CommandError) {
        try kernel { () throws(SysError) in
            let connection = try FD.connect(to: socket)
            try connection.send(Array("/dev/pts".utf8), fds: [console.raw])
        }
    }

    /// RFC 3339, UTC.
    static func now() -> String {
        let nanoseconds = realtimeNanoseconds()
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let fraction = String(nanoseconds % 1_000_000_000)
        let zeros = String(repeating: "0", count: 9 - fraction.utf8.count)
        return
            unsafe "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(zeros)\(fraction)Z"
    }
}
