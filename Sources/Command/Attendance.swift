internal import CRILog
internal import LinuxSys

/// A foreground command's side of a container's main process: output from its log, input through its FIFO, signals,
/// the terminal. From `begin` to `end`.
final class Attendance: Sendable {
    private let container: Container
    private let supervisor: Supervisor
    private let follower: LogFollower
    private let done: AsyncStream<Void>
    private let terminal: RawTerminal?

    /// Before the program starts, so that nothing of it is missed. `offset`: where in the log this run begins.
    init(_ container: Container, _ supervisor: Supervisor, logFrom offset: Int64) throws {
        self.container = container
        self.supervisor = supervisor
        terminal = container.detail.terminal && container.detail.stdin ? try RawTerminal(0) : nil
        let follower = try LogFollower(path: container.logPath, from: offset)
        self.follower = follower
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        done = stream
        let journal = container.context.journal
        startThread {
            do {
                try follower.follow(LogEntry.print)
            } catch {
                journal.warning("log: \(error)")
            }
            continuation.finish()
        }
        if container.detail.stdin {
            let isTerminal = container.detail.terminal
            try InputRelay.begin(fifo: "\(container.directory)/stdin") {
                // A terminal has no end that could be handed on: the program there sees the ^D itself.
                if !isTerminal { Task { try? await supervisor.closeInput() } }
            }
        }
    }

    /// Waits for the container to end. A supervisor that dies meanwhile leaves 137.
    func wait() async throws -> ExitRecord {
        do {
            return try await supervisor.wait()
        } catch {
            container.context.journal.debug("wait for \(container.name): \(error)")
            guard case .exited(let exit) = try await container.state() else { throw error }
            return exit
        }
    }

    /// After the exit: all that the container has written is printed, the terminal is as it was.
    func end() async {
        // The log is complete when the shim has deleted the container. That fails when `rm -f` was there first, and is then done.
        _ = try? await supervisor.delete()
        follower.finish()
        for await _ in done {}
        terminal?.restore()
    }
}
