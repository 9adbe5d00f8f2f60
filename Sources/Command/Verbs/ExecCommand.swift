internal import ArgumentParser
internal import LinuxSys
internal import OCI

struct ExecCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run another command in a container that runs.",
        usage: "swiftlet exec [options] <container> <command> [<arguments> ...]",
        discussion: "The exit status is the command's; 125, 126 and 127 are as with run.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(name: .shortAndLong, help: "Hand stdin to the command.")
    var interactive = false

    @Flag(name: [.customShort("t"), .customLong("tty")], help: "Give the command a terminal.")
    var terminal = false

    @Flag(name: .shortAndLong, help: "Do not wait for the command.")
    var detach = false

    @Option(
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Set a variable, or hand on the one of that name.", valueName: "name=value"))
    var env: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Name or number, with or without a group.", valueName: "user[:group]"))
    var user: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Directory to start in.", valueName: "dir"))
    var workdir: String?

    @Argument(
        help: ArgumentHelp("Name, id or prefix of an id; POD/CONTAINER of swiftletd.", valueName: "container"),
        completion: Completion.containers)
    var container: String

    @Argument(parsing: .captureForPassthrough, help: "What to run.")
    var command: [String]

    var failureStatus: Int32 { CommandStatus.ownFailure }

    func validate() throws {
        if container.hasPrefix("-") { throw ValidationError("unknown option \(container)") }
        if command.isEmpty { throw ValidationError("a command is missing") }
    }

    func begin(_ journal: Journal) async throws -> Int32 {
        guard container.contains("/") else { return try await perform(try Context(global, journal)) }
        for (isGiven, name) in [(detach, "--detach"), (!env.isEmpty, "--env"), (user != nil, "--user"), (workdir != nil, "--workdir")]
        where isGiven {
            throw CommandFailure("exec", container, "\(name) is not for containers of swiftletd", status: CommandStatus.ownFailure)
        }
        if terminal, interactive, !RawTerminal.isTerminal(0) {
            throw CommandFailure("exec", container, "stdin is not a terminal", status: CommandStatus.ownFailure)
        }
        return try await withDaemon(daemon) {
            try await PodExec(command: command, interactive: interactive, terminal: terminal).perform(container, $0)
        }
    }

    func perform(_ context: Context) async throws -> Int32 {
        if terminal, interactive, !detach, !RawTerminal.isTerminal(0) {
            throw CommandFailure("exec", self.container, "stdin is not a terminal", status: CommandStatus.ownFailure)
        }
        let watch = SignalWatch(context.journal)
        return try await watch.untilAttending("exec") { try await run(context, watch) }
    }

    private func run(_ context: Context, _ watch: SignalWatch) async throws -> Int32 {
        let container = try context.container(self.container)
        let supervisor = try await container.running(for: "exec")
        if case .paused = try await supervisor.state() { throw CommandFailure("exec", container.name, "the container is paused") }
        var process = try ExecProcess(container, pid: try await supervisor.state().pid)
        process.arguments = command
        process.terminal = terminal
        process.workingDirectory = workdir
        for entry in env { try process.environment.add(entry, inherited: Context.environment) }
        if let user { try process.setUser(user) }
        var random = SystemRandomNumberGenerator()
        let execID = String(ContainerID.generate(using: &random).prefix(16))
        let document = try process.json()
        do {
            if detach {
                try await supervisor.addExec(execID, process: document, streams: StreamPaths(terminal: terminal))
                try await startOrForget(supervisor, execID)
                return 0
            }
            return try await attend(container, supervisor, watch, execID, document)
        } catch {
            throw startFailure(error)
        }
    }

    private func attend(
        _ container: Container, _ supervisor: Supervisor, _ watch: SignalWatch, _ execID: String, _ document: JSON
    ) async throws -> Int32 {
        let streams = try ExecStreams(in: container.directory, execID, terminal: terminal, stdin: interactive)
        try await supervisor.addExec(execID, process: document, streams: streams.paths)
        let raw = terminal && interactive ? try RawTerminal(0) : nil
        async let copied: Void = streams.copyOutput()
        do {
            try await startOrForget(supervisor, execID)
            await watch.attend(supervisor, execID, terminal: terminal)
            try streams.beginInput { [terminal] in if !terminal { Task { try? await supervisor.closeInput(execID) } } }
            let exit = try await supervisor.wait(execID)
            _ = try await supervisor.delete(execID)
            streams.finish()
            await copied
            raw?.restore()
            return Int32(exit.code & 0xff)
        } catch {
            streams.finish()
            await copied
            raw?.restore()
            throw error
        }
    }

    private func startOrForget(_ supervisor: Supervisor, _ execID: String) async throws {
        do {
            _ = try await supervisor.start(execID)
        } catch {
            // In a task of its own: this one may be cancelled.
            _ = try? await Task { try await supervisor.delete(execID) }.value
            throw error
        }
    }
}
