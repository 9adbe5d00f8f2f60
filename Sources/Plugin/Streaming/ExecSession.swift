internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import TTRPC

/// One command beside a container's program, with a client at its streams.
struct ExecSession: Sendable {
    let container: ContainerActor
    let command: [String]
    let wishes: StreamWishes

    /// Returns the command's exit code when all its output is sent. A client that goes takes the command with it.
    func run(_ client: some StreamClient) async throws -> UInt32 {
        guard !command.isEmpty else { throw PluginError.invalid(field: "cmd", reason: "is empty") }
        try wishes.check()
        let shim = try await container.runningShim()
        let exec = String(Identifier.make().prefix(16))
        let (wishes, directory) = (wishes, "\(container.site.settings.state)/exec/\(exec)")
        let process = try await container.execProcess(command, terminal: wishes.terminal)
        let names: [OutputName] = (wishes.stdout ? [.stdout] : []) + (wishes.stderr ? [.stderr] : [])
        let fifos = try await offPool { try StreamFIFOs(directory, stdin: wishes.stdin, outputs: names) }
        defer { fifos.remove() }
        try await shim.addExec(
            exec, process: process, stdin: fifos.stdin ?? "", stdout: fifos.path(of: .stdout), stderr: fifos.path(of: .stderr),
            terminal: wishes.terminal)
        do {
            try await shim.start(exec: exec)
            fifos.closeWriters()
            try await client.started()
            let descriptors = try fifos.takeReaders()
            let streams = SessionStreams(
                client: client, stdin: fifos.stdin, outputs: zip(names, descriptors).map { ($0, $1) },
                resize: { size in try? await shim.resize(size, exec: exec) }, endInput: { try? await shim.closeInput(exec: exec) })
            let code = try await streams.run { try await shim.wait(exec: exec).code }
            await evenIfCancelled { try? await shim.delete(exec: exec) }
            return code
        } catch {
            await container.endExec(exec, shim)
            throw error
        }
    }
}

extension ContainerActor {
    /// Kills a command that nobody waits for any more, and has the shim forget it.
    func endExec(_ exec: String, _ shim: ShimLink) async {
        await evenIfCancelled { [self] in
            do throws(PluginError) {
                try await tolerateEnded { () throws(PluginError) in try await shim.kill(SIGKILL, exec: exec) }
                _ = try await shim.wait(exec: exec, limit: .seconds(30))
                try await shim.delete(exec: exec)
            } catch {
                site.logger.debug("end exec: \(error)")
            }
        }
    }

    /// The shim of a container that runs.
    func runningShim() throws(PluginError) -> ShimLink {
        guard case .running = memory.life else { throw .wrongState(.container, id, wanted: "running", found: memory.life.name) }
        guard let shim else { throw .shim(operation: "reach shim of", subject: id, Status(.unavailable, "it has not answered yet")) }
        return shim
    }
}
