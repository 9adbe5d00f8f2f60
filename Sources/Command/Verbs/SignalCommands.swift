internal import ArgumentParser
internal import LinuxSys

struct KillCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "kill", abstract: "Send a signal to containers.")

    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: "Name or number.", transform: { try SignalName(parsing: $0) })
    var signal = SignalName(number: 9)

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var containers: [String]

    func perform(_ context: Context) async throws -> Int32 {
        for name in containers {
            let container = try context.container(name)
            let supervisor = try await container.running(for: "kill")
            try await supervisor.kill(signal.number)
            say(name)
        }
        return 0
    }
}

struct StopCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "End containers: the stop signal, and SIGKILL when they have not ended in time.")

    @OptionGroup var global: GlobalOptions

    @Option(
        name: [.customShort("t"), .customLong("time")], help: "Seconds to wait; -1 to wait without end.",
        transform: { try parseWholeNumber($0, from: -1, to: 1 << 31) })
    var seconds: Int64 = 10

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var containers: [String]

    func perform(_ context: Context) async throws -> Int32 {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in containers {
                let container = try context.container(name)
                group.addTask { try await stop(container) }
            }
            try await group.waitForAll()
        }
        for name in containers { say(name) }
        return 0
    }

    private func stop(_ container: Container) async throws {
        if try await container.state().isAlive, let supervisor = try await container.supervisor() { try await end(container, supervisor) }
        guard case .exited(let exit) = try await container.state() else { return }
        // Its supervisor is not needed any more; without --rm the container itself stays.
        try await container.exclusively("stop") { container, _ in try await container.retire(exit) }
    }

    private func end(_ container: Container, _ supervisor: Supervisor) async throws {
        do {
            try await supervisor.kill(container.detail.stopSignal)
        } catch {
            // It may have ended by itself just now.
            if try await !container.state().isAlive { return }
            throw error
        }
        if seconds < 0 {
            _ = try await supervisor.wait()
            return
        }
        do {
            _ = try await within(.seconds(seconds)) { try await supervisor.wait() }
        } catch is CancellationError {
            try await supervisor.kill(9)
            _ = try await supervisor.wait()
        }
    }
}

struct WaitCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "wait", abstract: "Wait for containers to end and print their exit codes.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var containers: [String]

    func perform(_ context: Context) async throws -> Int32 {
        for name in containers { say("\(try await Self.wait(try context.container(name)).code)") }
        return 0
    }

    static func wait(_ container: Container) async throws -> ExitRecord {
        while true {
            switch try await container.state() {
            case .exited(let exit): return exit
            case .created, .creating, .removing: try await Task.sleep(for: .milliseconds(50))
            case .running, .paused, .unreachable:
                // When the supervisor dies under the wait, the next look at the state says how it ended.
                if let supervisor = try await container.supervisor(), let exit = try? await supervisor.wait() { return exit }
            }
        }
    }
}
