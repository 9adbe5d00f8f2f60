internal import Messages

/// `exec POD/CONTAINER`.
struct PodExec {
    let command: [String]
    let interactive: Bool
    let terminal: Bool

    func perform(_ name: String, _ client: DaemonClient) async throws -> Int32 {
        var first = PodStream.Input()
        first.exec.containerID = try await client.inventory().container(name).id
        (first.exec.cmd, first.exec.tty, first.exec.stdin) = (command, terminal, interactive)
        (first.exec.stdout, first.exec.stderr) = (true, !terminal)
        return try await PodStream(terminal: terminal, stdin: interactive, detaches: false).run("Exec", first, about: name, client)
    }
}
