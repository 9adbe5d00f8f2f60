internal import CRILog
internal import Messages

/// `logs POD/CONTAINER`: the file is read where it is, on the daemon's own node.
struct PodLogs {
    let follow: Bool
    let tail: Int?
    let timestamps: Bool

    func perform(_ name: String, _ client: DaemonClient) async throws -> Int32 {
        let container = try await client.inventory().container(name)
        let path = try await client.status(ofContainer: container.id).status.logPath
        guard !path.isEmpty else { throw CommandFailure("logs of", name, "the container has no log") }
        if !follow {
            guard Files.exists(path) else { return 0 }
            var printer = LogPrinter(timestamps: timestamps)
            _ = try LogFollower.read(path, from: try offset(path)) { printer.print($0) }
            return 0
        }
        let follower = try LogFollower(path: path, from: Files.exists(path) ? try offset(path) : 0)
        let watcher = Task {
            defer { follower.finish() }
            try await Self.ended(container.id, client)
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

    private func offset(_ path: String) throws -> Int64 {
        guard let tail else { return 0 }
        return try LogTail.offset(of: tail, in: path, upTo: Files.size(path))
    }

    /// Returns once the container has ended or is not there any more. The stream first, then the state: no end is missed.
    static func ended(_ id: String, _ client: DaemonClient) async throws {
        let events = client.events()
        guard let status = try? await client.status(ofContainer: id).status, status.state != .containerExited else { return }
        for try await event in events where event.containerID == id {
            if event.containerEventType == .containerStoppedEvent || event.containerEventType == .containerDeletedEvent { return }
        }
    }
}
