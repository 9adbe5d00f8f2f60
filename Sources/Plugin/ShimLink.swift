internal import FoundationEssentials
internal import Images
internal import Messages
internal import OCI
internal import Registry
internal import SwiftProtobuf
internal import TTRPC
internal import TaskClient

/// One container's shim as seen from here: every call with a deadline, every error with what was tried.
struct ShimLink: Sendable {
    /// For the namespace of containerd's calls: the plugin's containers are a world of their own.
    static let namespace = "swiftletd"

    let id: String
    let socket: String
    private let task: TaskService

    /// What every shim is started with.
    struct Settings: Sendable {
        var shim: String
        var eventAddress: String
        var debug: Bool
        var socketDirectory: String?
        let metrics: Metrics
    }

    static func launch(_ id: String, bundle: String, _ settings: Settings) async throws(PluginError) -> ShimLink {
        var isStarted = false
        defer { settings.metrics.shimStarted(isStarted) }
        let socket = try await attempt("start shim", id) {
            try await ShimProcess.start(
                shim: settings.shim, id: id, namespace: namespace, bundle: bundle, eventAddress: settings.eventAddress,
                debug: settings.debug, socketDirectory: settings.socketDirectory)
        }
        isStarted = true
        return try await connect(id, socket: socket)
    }

    static func connect(_ id: String, socket: String) async throws(PluginError) -> ShimLink {
        let task = try await attempt("connect to shim of", id) { try await TaskService(socket: socket, namespace: namespace) }
        return ShimLink(id: id, socket: socket, task: task)
    }

    /// For a shim that is gone: kills and removes what it left, and says how its container ended.
    static func clearAway(_ id: String, bundle: String, _ settings: Settings) async throws(PluginError) -> ContainerExit {
        let answer = try await attempt("delete shim", id) {
            try await ShimProcess.delete(
                shim: settings.shim, id: id, namespace: namespace, bundle: bundle, eventAddress: settings.eventAddress,
                socketDirectory: settings.socketDirectory)
        }
        return ContainerExit(code: answer.exitStatus, time: answer.exitedAt.nanoseconds, reason: .unknown, message: "its shim was gone")
    }

    func create(
        bundle: String, root: ContainerRoot, terminal: Bool, stdin: String, log: String, options: ContainerPlan.RuntimeOptions
    ) async throws(PluginError) {
        var request = Containerd_Task_V2_CreateTaskRequest()
        request.id = id
        request.bundle = bundle
        request.rootfs = root.mounts.map { mount in
            var message = Containerd_Types_Mount()
            (message.type, message.source, message.options) = (mount.type, mount.source, mount.options)
            return message
        }
        request.terminal = terminal
        request.stdin = stdin
        // Into the log, and to whoever is attached.
        let directory = "\(bundle)/\(AttachFiles.directory)"
        request.stdout = "cri-attach://\(percentEncoded(log, keeping: "/"))?\(percentEncoded(directory, keeping: "/"))"
        request.stderr = terminal ? "" : request.stdout
        if let options = try options.any() { request.options = options }
        let message = request
        _ = try await Self.attempt("create", id) { try await task.create(message) }
    }

    func start(exec: String = "") async throws(PluginError) {
        _ = try await Self.attempt("start", id) { try await task.start(id, exec: exec) }
    }

    func kill(_ signal: Int32, exec: String = "", all: Bool = false) async throws(PluginError) {
        try await Self.attempt("kill", id) { try await task.kill(id, exec: exec, signal: UInt32(signal), all: all) }
    }

    /// Answers when the process has ended, however long that takes, unless `limit` says otherwise.
    func wait(exec: String = "", limit: Duration? = nil) async throws(PluginError) -> (code: UInt32, time: UInt64) {
        let answer = try await Self.attempt("wait for", id) { try await task.wait(id, exec: exec, timeout: limit) }
        return (answer.exitStatus, answer.exitedAt.nanoseconds)
    }

    func state() async throws(PluginError) -> Containerd_Task_V2_StateResponse {
        try await Self.attempt("state of", id) { try await task.state(id) }
    }

    /// Throws when the shim answers with something unknown.
    func stats() async throws(PluginError) -> ContainerUsage {
        let answer = try await Self.attempt("stats of", id) { try await task.stats(id) }
        guard let usage = try? ContainerUsage(answer) else {
            throw .document(subject: "stats of container \(id)", reason: "\(quoted(answer.typeURL)) is not known")
        }
        return usage
    }

    /// New limits: `linux.resources` of the runtime-spec.
    func update(_ resources: JSON) async throws(PluginError) {
        var any = Google_Protobuf_Any()
        any.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"
        any.value = Data(resources.encoded())
        let message = any
        try await Self.attempt("update", id) { try await task.update(id, resources: message) }
    }

    func reopenLogs() async throws(PluginError) { try await Self.attempt("reopen logs of", id) { try await task.reopenLogs() } }

    /// criu's files in `directory`; the container goes on.
    func checkpoint(to directory: String, timeout: Duration) async throws(PluginError) {
        try await Self.attempt("checkpoint", id) { try await task.checkpoint(id, to: directory, timeout: timeout) }
    }

    func addExec(
        _ exec: String, process: [UInt8], stdin: String = "", stdout: String, stderr: String, terminal: Bool = false
    ) async throws(PluginError) {
        var request = Containerd_Task_V2_ExecProcessRequest()
        (request.id, request.execID, request.stdout, request.stderr) = (id, exec, stdout, stderr)
        (request.stdin, request.terminal) = (stdin, terminal)
        request.spec = Google_Protobuf_Any()
        request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
        request.spec.value = Data(process)
        let message = request
        try await Self.attempt("exec in", id) { try await task.exec(message) }
    }

    /// Of the terminal, if the process has one.
    func resize(_ size: TerminalSize, exec: String = "") async throws(PluginError) {
        try await Self.attempt("resize", id) { try await task.resizePty(id, exec: exec, width: size.width, height: size.height) }
    }

    /// Stdin ends when what was written to it is through.
    func closeInput(exec: String = "") async throws(PluginError) {
        try await Self.attempt("close stdin of", id) { try await task.closeIO(id, exec: exec) }
    }

    /// Frees what the shim keeps of an ended process.
    func delete(exec: String = "") async throws(PluginError) {
        _ = try await Self.attempt("delete", id) { try await task.delete(id, exec: exec) }
    }

    /// Ends the shim, whose task is deleted.
    func shutdown() async throws(PluginError) {
        try await Self.attempt("shut down shim of", id) { try await task.shutdown(id) }
        await task.close()
    }

    /// Lets the shim go without a word to it.
    func disconnect() async { await task.close() }

    private static func attempt<T: Sendable>(
        _ operation: String, _ subject: String, _ body: () async throws -> T
    ) async throws(PluginError) -> T {
        do {
            return try await body()
        } catch let status as Status {
            throw .shim(operation: operation, subject: subject, status)
        } catch {
            throw .shim(operation: operation, subject: subject, Status(.unavailable, "\(error)"))
        }
    }
}

extension Google_Protobuf_Timestamp {
    /// Since 1970.
    var nanoseconds: UInt64 { UInt64(clamping: seconds) * 1_000_000_000 + UInt64(clamping: nanos) }
}

extension ContainerPlan.RuntimeOptions {
    /// containerd's options for runc, which the shim takes as well. Nil: nothing is to be said.
    fileprivate func any() throws(PluginError) -> Google_Protobuf_Any? {
        guard isSystemd || other != nil else { return nil }
        var options = Containerd_Runc_V1_Options()
        options.systemdCgroup = isSystemd
        if let other { (options.binaryName, options.root) = (other.program, other.root) }
        do { return try Google_Protobuf_Any(message: options, typePrefix: "types.containerd.io") } catch {
            throw .document(subject: "options of the runtime", reason: "\(error)")
        }
    }
}
