internal import ArgumentParser
internal import Glibc
internal import LinuxSys

/// What `run --detach --rm` leaves behind: this program again, in a session of its own, waiting to remove the container.
struct ReapCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "reap", abstract: "Wait for a container and remove it.", shouldDisplay: false)

    @OptionGroup var global: GlobalOptions

    @Argument var container: String

    func perform(_ context: Context) async throws -> Int32 {
        // It holds no directory of the person who ran the container.
        guard unsafe chdir("/") == 0 else { throw SysError(errno, "chdir", on: "/") }
        let container = try context.container(self.container)
        _ = try await WaitCommand.wait(container)
        try await RemoveCommand.remove(container, force: false)
        return 0
    }
}
