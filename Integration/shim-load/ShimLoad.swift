import ArgumentParser

/// Load for a shim, ours or containerd's own: speaks ttrpc (containerd.task.v2.Task) straight to its socket, from one thread, with
/// requests that are encoded beforehand, so that what is measured is the shim. Prints one line of `name=value`.
@main
struct ShimLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shim-load", abstract: "Load for a shim's socket.", subcommands: [StateLoad.self, ExecLoad.self, RelayLoad.self])
}

/// Whom it is for.
struct Target: ParsableArguments {
    @Option(help: "The shim's socket.") var socket: String
    @Option(help: "Id of the task.") var id: String
    @Option(help: "Pid of the shim, whose processor time is counted.") var shim: Int32
}

/// One line of results.
func report(_ figures: KeyValuePairs<String, String>) { print(figures.map { "\($0.key)=\($0.value)" }.joined(separator: " ")) }
