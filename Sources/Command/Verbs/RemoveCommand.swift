internal import ArgumentParser
internal import Images
internal import LinuxSys

struct RemoveCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove containers that do not run.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Kill those that run.")
    var force = false

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"))
    var containers: [String]

    func perform(_ context: Context) async throws -> Int32 {
        for name in containers {
            try await Self.remove(try context.container(name), force: force)
            say(name)
        }
        return 0
    }

    static func remove(_ found: Container, force: Bool) async throws {
        let state = try await found.state()
        let lock = try await lock(found)
        // What another command did before the lock was free.
        let container: Container
        do {
            container = try found.context.container(found.id)
        } catch ImageError.notFound {
            return
        }
        if try await container.state().isAlive {
            guard force else { throw CommandFailure("remove container", container.name, "it is \(state.name): `rm -f` kills it") }
            if let supervisor = try await container.supervisor() {
                try? await supervisor.kill(9)
                _ = try await within(.seconds(10)) { try await supervisor.wait() }
            }
        }
        try await container.remove()
        withExtendedLifetime(lock) {}
    }

    /// Nil when its directory is gone: an earlier removal was cut short behind that step.
    private static func lock(_ container: Container) async throws -> ContainerLock? {
        do {
            return try await ContainerLock.acquire(in: container.directory, for: "remove container", container.name)
        } catch let error as SysError where error.errno == 2 {
            return nil
        }
    }
}
