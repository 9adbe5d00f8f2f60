internal import ArgumentParser
internal import LinuxSys

struct StartCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start containers again that have ended.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Stay with the container as `run` does (one container).")
    var attach = false

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"))
    var containers: [String]

    var failureStatus: Int32 { attach ? CommandStatus.ownFailure : CommandStatus.failed }

    func validate() throws {
        if attach, containers.count > 1 { throw ValidationError("--attach takes one container") }
    }

    func perform(_ context: Context) async throws -> Int32 {
        for name in containers {
            var container = try context.container(name)
            let state = try await container.state()
            guard !state.isAlive else { throw CommandFailure("start", name, "it is \(state.name)") }
            // The supervisor of the last run has nothing left to do.
            if case .exited(let exit) = state, let supervisor = try await container.supervisor() {
                try await container.retire(supervisor, exit)
            }
            if attach { return try await foreground(&container) }
            try await background(&container)
            say(name)
        }
        return 0
    }

    private func background(_ container: inout Container) async throws {
        let creation = Creation(container.context)
        do {
            let supervisor = try await creation.supervise(&container)
            try await creation.start(&container, supervisor)
        } catch {
            await creation.takeBack()
            throw startFailure(error).with(status: CommandStatus.failed)
        }
        if container.detail.autoRemove { try Reaper.start(container) }
    }

    private func foreground(_ container: inout Container) async throws -> Int32 {
        SignalQueue.block()
        let watch = SignalWatch(container.context.journal)
        let creation = Creation(container.context)
        do {
            let supervisor = try await creation.supervise(&container)
            let attendance = try Attendance(container, supervisor, logFrom: Files.size(container.logPath))
            await watch.attend(supervisor, "", terminal: container.detail.terminal)
            try await creation.start(&container, supervisor)
            let exit = try await attendance.wait()
            try await container.retire(supervisor, exit)
            await attendance.end()
            return Int32(exit.code & 0xff)
        } catch {
            await creation.takeBack()
            throw startFailure(error)
        }
    }
}
