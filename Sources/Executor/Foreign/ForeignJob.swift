internal import Cgroups
import Glibc
internal import LinuxSys
internal import OCI

/// What an executor does with another runtime in its place. The container's processes are made by that runtime and left to the nearest
/// subreaper above it, which the supervisor has to be: so they become its children, as those of the executor are.
struct ForeignJob {
    enum Role { case initial, additional }

    let id: String
    let command: ForeignCommand
    let supervisor: Supervisor

    init(_ runtime: ForeignRuntime, id: String, bundle: String, _ options: ExecutorOptions, _ supervisor: Supervisor) {
        self.id = id
        self.supervisor = supervisor
        command = ForeignCommand(runtime: runtime, options: options, bundle: bundle)
    }

    func create(_ request: CreateRequest) throws(ExecutorFailure) {
        try Bundle.check(request.bundle)
        try mountRoot(request)
        var words = ["create", "--bundle", request.bundle]
        if request.options.noPivotRoot { words.append("--no-pivot") }
        if request.options.noNewKeyring { words.append("--no-new-keyring") }
        try launch(words, .initial, request.streams)
        try supervisor.tell(.ready)
    }

    func exec(_ request: ExecRequest) throws(ExecutorFailure) {
        let file = command.temporary("process")
        defer { removeFile(file) }
        let process = try Self.process(request.process, terminal: request.streams)
        try sys { () throws(SysError) in
            try FD.open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600).writeAll(process)
        }
        try launch(["exec", "--detach", "--process", file], .additional, request.streams)
    }

    func perform(_ call: ForeignCall) throws(ExecutorFailure) {
        var input: FDBox?
        if let bytes = call.input {
            let file = try sys { () throws(SysError) in FDBox(try FD.memory("input")) }
            try sys { () throws(SysError) in try file.fd.writeAll(bytes) }
            _ = lseek(file.raw, 0, SEEK_SET)
            input = file
        }
        try command.run(call.words + [id] + call.lastWords, id: id, streams: (input?.raw, nil, nil))
        withExtendedLifetime(input) {}
        try supervisor.tell(.done)
    }

    /// Also what it leaves when it is not there any more, or has lost its state.
    func delete(_ container: ContainerReference) throws(ExecutorFailure) {
        do { try command.run(["delete", "--force", id], id: id) } catch {
            // A container of which it knows nothing is deleted.
            if !error.reason.contains("does not exist") { try supervisor.tell(.warning(error.description)) }
        }
        let cgroup = Cgroup(container.cgroup)
        do {
            if try !cgroup.removeIfEmpty() {
                try cgroup.kill()
                try cgroup.remove()
            }
        } catch { throw ExecutorFailure(error) }
        try supervisor.tell(.done)
    }

    // MARK: a process of the runtime's

    /// Runs it, and tells of the process that it has made: as `started`, `console` and `cgroup` records.
    func launch(_ words: [String], _ role: Role, _ streams: ProcessStreams) throws(ExecutorFailure) {
        let pidFile = command.temporary("pid")
        defer { removeFile(pidFile) }
        var line = words + ["--pid-file", pidFile]
        switch streams {
        case .descriptors(let stdin, let stdout, let stderr):
            try command.run(line + [id], id: id, streams: (stdin, stdout, stderr))
            try tellStarted(role, pidFile)
        case .terminal(let rows, let columns):
            let socket = try sys { () throws(SysError) in try ConsoleSocket() }
            line += ["--console-socket", socket.path]
            try command.run(line + [id], id: id)
            let master = try sys { () throws(SysError) in try socket.receiveMaster() }
            if rows > 0 { try sys { () throws(SysError) in try master.fd.setWindow(rows: rows, columns: columns) } }
            try supervisor.tell(.console, with: master)
            try tellStarted(role, pidFile)
        }
    }

    private func tellStarted(_ role: Role, _ pidFile: String) throws(ExecutorFailure) {
        let text = try sys { () throws(SysError) in try FD.open(pidFile, O_RDONLY | O_NOFOLLOW).readAll(limit: 64) }
        guard let pid = Int32(String(decoding: text, as: UTF8.self)), pid > 1 else {
            throw ExecutorFailure(operation: command.runtime.program, subject: id, reason: "its pid file names no process")
        }
        // Nobody else reaps it: until the supervisor does, the number means this process.
        let process = try sys { () throws(SysError) in FDBox(try FD.pidfd(of: pid)) }
        try supervisor.tell(.started(pid: pid), with: process)
        guard role == .initial else { return }
        let group: Cgroup
        do { group = try Cgroup.holding(pid: pid) } catch { return try supervisor.tell(.warning("cgroup of \(id): \(error)")) }
        try supervisor.tell(.cgroup(group.record))
    }

    // MARK: files

    /// The mounts are this process' alone, and what it runs takes them along into the container: the host never sees them.
    func mountRoot(_ request: CreateRequest) throws(ExecutorFailure) {
        guard !request.rootfs.isEmpty else { return }
        let root = "\(request.bundle)/rootfs"
        try sys { () throws(SysError) in
            try makeDirectoryIfMissing(root, mode: 0o711)
            try unshareNamespaces(.newMount, name: "mount")
        }
        try RootfsMounts.make(request.rootfs, at: root)
    }

    /// Whether there is a terminal is the request's to say.
    static func process(_ bytes: [UInt8], terminal streams: ProcessStreams) throws(ExecutorFailure) -> [UInt8] {
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch {
            throw ExecutorFailure(operation: "read", subject: "the process to execute", reason: "\(error)")
        }
        guard case .object(var object) = document else {
            throw ExecutorFailure(
                operation: "read", subject: "the process to execute", reason: "an object expected, found \(document.kind)")
        }
        if case .terminal = streams { object["terminal"] = true } else { object["terminal"] = false }
        return JSON.object(object).encoded()
    }
}

func makeDirectoryIfMissing(_ path: String, mode: UInt32) throws(SysError) {
    if unsafe mkdir(path, mode) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: path) }
}
