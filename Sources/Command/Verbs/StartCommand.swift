internal import ArgumentParser
internal import LinuxSys

struct StartCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start containers again that have ended.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Stay with the container as `run` does (one container).")
    var attach = false

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var containers: [String]

    var failureStatus: Int32 { attach ? CommandStatus.ownFailure : CommandStatus.failed }

    func validate() throws {
        if attach, containers.count > 1 { throw ValidationError("--attach takes one container") }
    }

    func perform(_ context: Context) async throws -> Int32 {
        let watch = SignalWatch(context.journal)
        for name in containers {
            let container = try context.container(name)
            let (started, attendance) = try await watch.untilAttending("start") { try await begin(container, watch) }
            if let attendance { return try await RunCommand.finish(started, attendance) }
            if started.detail.autoRemove { try Reaper.start(started) }
            say(name)
        }
        return 0
    }

    private func begin(_ container: Container, _ watch: SignalWatch) async throws -> (Container, Attendance?) {
        let begun = try await container.exclusively("start") { container, lock in
            let state = try await container.state(holding: lock)
            guard !state.isAlive else { throw CommandFailure("start", container.name, "it is \(state.name)") }
            // The supervisor of the last run has nothing left to do.
            if case .exited(let exit) = state { try await container.retire(exit) }
            return try await begin(container, lock, watch)
        }
        guard let begun else { throw CommandFailure("start", container.name, "it was removed meanwhile") }
        return begun
    }

    private func begin(_ found: Container, _ lock: ContainerLock?, _ watch: SignalWatch) async throws -> (Container, Attendance?) {
        var container = found
        let creation = Creation(container.context, lock: lock)
        do {
            let supervisor = try await creation.supervise(&container)
            var attendance: Attendance?
            if attach {
                attendance = try Attendance(container, supervisor, logFrom: Files.size(container.logPath))
                await watch.attend(supervisor, "", terminal: container.detail.terminal)
            }
            try await creation.start(&container, supervisor)
            return (container, attendance)
        } catch {
            await creation.takeBack()
            throw startFailure(error).with(status: failureStatus)
        }
    }
}
