internal import ArgumentParser
internal import CRILog
internal import LinuxSys

struct LogsCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "logs", abstract: "Show what a container has written.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(name: .shortAndLong, help: "Go on until the container ends.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("tail")], help: "Only the last lines.", transform: Self.lines)
    var tail: Int?

    @Flag(name: .shortAndLong, help: "Each line with its time.")
    var timestamps = false

    @Argument(
        help: ArgumentHelp("Name, id or prefix of an id; POD/CONTAINER of swiftletd.", valueName: "container"),
        completion: Completion.containers)
    var container: String

    static func lines(_ text: String) throws -> Int? {
        text == "all" ? nil : Int(try parseWholeNumber(text, from: 0, to: Int64(Int32.max)))
    }

    func begin(_ journal: Journal) async throws -> Int32 {
        guard container.contains("/") else { return try await perform(try Context(global, journal)) }
        let logs = PodLogs(follow: follow, tail: tail, timestamps: timestamps)
        return try await withDaemon(daemon) { try await logs.perform(container, $0) }
    }

    func perform(_ context: Context) async throws -> Int32 {
        let container = try context.container(self.container)
        guard Files.exists(container.logPath) else {
            if follow, try await container.state().isAlive { return try await followed(container, from: 0) }
            return 0
        }
        // New lines may come between this and the following: it goes on at the byte where the counting ended.
        var printer = LogPrinter(timestamps: timestamps)
        let end = Files.size(container.logPath)
        let from = tail == nil ? 0 : try LogTail.offset(of: tail ?? 0, in: container.logPath, upTo: end)
        if follow { return try await followed(container, from: from) }
        _ = try LogFollower.read(container.logPath, from: from) { printer.print($0) }
        return 0
    }

    private func followed(_ container: Container, from offset: Int64) async throws -> Int32 {
        let follower = try LogFollower(path: container.logPath, from: offset)
        let watcher = Task {
            defer { follower.finish() }
            guard try await container.state().isAlive, let supervisor = try await container.supervisor() else { return }
            _ = try await supervisor.wait()
        }
        let timestamps = timestamps
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            startThread {
                var printer = LogPrinter(timestamps: timestamps)
                do {
                    try follower.follow { printer.print($0) }
                    continuation.resume()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
        watcher.cancel()
        return 0
    }
}
