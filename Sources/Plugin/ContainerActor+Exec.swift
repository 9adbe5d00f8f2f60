internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import NIOCore
internal import NIOPosix
internal import OCI
internal import TTRPC

/// What ExecSync answers with.
struct ExecOutcome: Sendable {
    var stdout: [UInt8]
    var stderr: [UInt8]
    var code: UInt32

    /// How many bytes of each fit into `limit`: each has half of it, and what the other leaves.
    static func kept(_ stdout: Int, _ stderr: Int, of limit: Int) -> (stdout: Int, stderr: Int) {
        let second = min(stderr, max(limit / 2, limit - stdout))
        return (min(stdout, limit - second), second)
    }
}

extension ContainerActor {
    /// CRI's rule for ExecSync (api.proto, ExecSyncResponse): output is kept up to a limit, the rest is discarded, and the command goes on
    /// with no error. The limit is not CRI's 16 MB of each stream, as one ttrpc message holds 4 MiB: both together must fit into it.
    static let mostOutput = Frame.mostPayload - 65_536

    /// Runs a command beside the container's program and waits for it. Not in the order of other calls: it may take long.
    func execute(_ command: [String], timeout: Duration?) async throws(PluginError) -> ExecOutcome {
        guard !command.isEmpty else { throw .invalid(field: "cmd", reason: "is empty") }
        let shim = try runningShim()
        let exec = String(Identifier.make().prefix(16))
        let directory = "\(site.settings.state)/exec/\(exec)"
        let process = try await execProcess(command)
        let streams = try await offPool { try ExecStreams(directory) }
        defer { streams.remove() }
        let outputs = try await collect(streams)
        do throws(PluginError) {
            try await shim.addExec(exec, process: process, stdout: streams.stdout, stderr: streams.stderr)
        } catch {
            streams.closeWriters()
            throw error
        }
        do throws(PluginError) {
            try await shim.start(exec: exec)
            let code = try await waitForExec(exec, shim, timeout)
            streams.closeWriters()
            // A child left behind may hold the streams open: its output is not waited for without end.
            let (stdout, stderr) = (await outputs.0.bytes(within: .seconds(10)), await outputs.1.bytes(within: .seconds(1)))
            // Nobody has to wait until the shim has forgotten it.
            Task { try? await shim.delete(exec: exec) }
            let kept = ExecOutcome.kept(stdout.bytes.count, stderr.bytes.count, of: Self.mostOutput)
            if stdout.wasCut || stderr.wasCut || kept != (stdout.bytes.count, stderr.bytes.count) {
                site.logger.info("exec in container \(id): kept \(kept.stdout) bytes of stdout and \(kept.stderr) of stderr")
            }
            return ExecOutcome(stdout: Array(stdout.bytes.prefix(kept.stdout)), stderr: Array(stderr.bytes.prefix(kept.stderr)), code: code)
        } catch {
            streams.closeWriters()
            // Nobody waits for it any more: not the caller who has gone either.
            await endExec(exec, shim)
            throw error
        }
    }

    /// What the shim is to run. The bundle does not change, and is read once.
    func execProcess(_ command: [String], terminal: Bool = false) async throws(PluginError) -> [UInt8] {
        let template: JSONObject
        if let execTemplate {
            template = execTemplate
        } else {
            let bundle = record.bundle
            template = try await offPool { () throws(PluginError) in try BundleAmendments.process(of: bundle) }
            execTemplate = template
        }
        return BundleAmendments.execProcess(command, like: template, terminal: terminal)
    }

    private func collect(_ streams: ExecStreams) async throws(PluginError) -> (OutputCollector, OutputCollector) {
        do {
            async let stdout = OutputCollector.start(streams.takeReader(0), limit: Self.mostOutput)
            async let stderr = OutputCollector.start(streams.takeReader(1), limit: Self.mostOutput)
            return try await (stdout, stderr)
        } catch {
            throw .kernel(operation: "read output of", subject: id, reason: "\(error)")
        }
    }

    private func waitForExec(_ exec: String, _ shim: ShimLink, _ timeout: Duration?) async throws(PluginError) -> UInt32 {
        guard let timeout else { return try await shim.wait(exec: exec).code }
        let killer = Task {
            try await Task.sleep(for: timeout)
            try await shim.kill(SIGKILL, exec: exec)
        }
        let code = try await shim.wait(exec: exec).code
        killer.cancel()
        // Cancelled while it slept: the command ended by itself.
        if case .failure(let error) = await killer.result, error is CancellationError { return code }
        throw .deadline(operation: "exec in container", subject: id, seconds: timeout.components.seconds)
    }
}

extension ContainerActor {
    /// The pid of the program on the node; nil when it does not run.
    func processID() async throws(PluginError) -> UInt32? {
        guard case .running = memory.life, let shim else { return nil }
        return try await shim.state().pid
    }
}
