internal import ArgumentParser

struct RemoveCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove containers that do not run.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Kill those that run.")
    var force = false

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var containers: [String]

    func perform(_ context: Context) async throws -> Int32 {
        for name in containers {
            try await Self.remove(try context.container(name), force: force)
            say(name)
        }
        return 0
    }

    static func remove(_ found: Container, force: Bool) async throws {
        try await found.exclusively("remove container", evenCutShort: true) { container, lock in
            let state = try await container.state(holding: lock)
            if state.isAlive {
                guard force else { throw CommandFailure("remove container", container.name, "it is \(state.name): `rm -f` kills it") }
                if let supervisor = try await container.supervisor() {
                    try? await supervisor.kill(9)
                    _ = try? await within(.seconds(10)) { try await supervisor.wait() }
                }
            }
            try await container.remove()
        }
    }
}
