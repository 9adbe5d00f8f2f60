internal import ArgumentParser
internal import Messages

struct AttachCommand: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Be at the streams of a container of swiftletd.",
        discussion: """
            The exit status is the container's. Ctrl-P Ctrl-Q on a terminal, or a signal to this command, leaves the container alone. Its stdin and \
            terminal are there when its configuration says so.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(name: .shortAndLong, help: "Hand stdin to the container.")
    var interactive = false

    @Flag(name: [.customShort("t"), .customLong("tty")], help: "The container has a terminal.")
    var terminal = false

    @Argument(help: ArgumentHelp("POD, POD/CONTAINER or an id.", valueName: "container"), completion: Completion.daemon)
    var container: String

    var failureStatus: Int32 { CommandStatus.ownFailure }

    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32 {
        var first = PodStream.Input()
        first.attach.containerID = try await client.inventory().container(container).id
        (first.attach.tty, first.attach.stdin, first.attach.stdout, first.attach.stderr) = (terminal, interactive, true, !terminal)
        return try await PodStream(terminal: terminal, stdin: interactive, detaches: true).run("Attach", first, about: container, client)
    }
}
