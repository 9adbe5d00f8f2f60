internal import ArgumentParser
internal import Glibc
internal import Kubelet
internal import OCI
internal import TTRPCNIO

/// `mock-kubelet`: pod manifests in, containers out, without a cluster.
struct MockKubelet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mock-kubelet",
        abstract: "Runs the pods of a directory of Kubernetes manifests on a CRI plugin and shows what happens.",
        discussion: "Without a verb: run.", version: swiftletVersion,
        subcommands: [RunVerb.self, StatusVerb.self, LogsVerb.self, ExecVerb.self, DeleteVerb.self, LoadVerb.self],
        defaultSubcommand: RunVerb.self)

    /// Made first: a signal from then on ends it gracefully.
    static let interruption = Result { try Termination() }
}

/// Of every verb that speaks to a mock kubelet that runs.
struct RootOption: ParsableArguments {
    @Option(help: "Where logs, volumes and the control socket are kept.")
    var root = "/run/swiftlet/mock-kubelet"

    /// The plugin has another working directory.
    var path: String {
        guard !root.hasPrefix("/"), let here = unsafe getcwd(nil, 0) else { return root }
        defer { unsafe free(here) }
        return unsafe String(cString: here) + "/" + root
    }

    func validate() throws { if root.isEmpty { throw ValidationError("--root is empty") } }
}

struct BackoffOptions: ParsableArguments {
    @Option(help: "Milliseconds before the second restart of a container; doubles each time.")
    var backoffBase = 10_000

    @Option(help: "The longest back-off in milliseconds.")
    var backoffLimit = 300_000

    var value: Backoff { Backoff(base: .milliseconds(backoffBase), limit: .milliseconds(backoffLimit)) }
}

/// Runs `body`; what it throws is one line, and 2 the exit status.
func exiting(_ body: () async throws -> Int32) async -> ExitCode {
    do { return ExitCode(try await body()) } catch {
        printLine("mock-kubelet: \(error)", to: STDERR_FILENO)
        return ExitCode(2)
    }
}

extension MockKubelet {
    static func start() async {
        do {
            var command = try parseAsRoot()
            if var verb = command as? any AsyncParsableCommand { try await verb.run() } else { try command.run() }
        } catch {
            exit(withError: error)
        }
    }
}
