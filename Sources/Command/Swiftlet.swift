internal import ArgumentParser
internal import Glibc
internal import NIOCore
internal import OCI

struct Swiftlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftlet",
        abstract: "Run containers from images, without a daemon.",
        discussion: """
            What swiftletd runs is seen by pods, ps --pods, stats, events, attach and port-forward, by inspect --pods, and by logs and exec under the name POD/CONTAINER
            (SWIFTLET_SOCKET says where it listens).
            Every command takes --root DIR, --log-format text|json and --debug, before or after its name.
            SWIFTLET_ROOT moves everything that is stored (default \(GlobalOptions.defaultRoot)).
            SWIFTLET_GC_THRESHOLD says when garbage is collected by itself (see gc).
            SWIFTLET_SHIM names the supervisor (default: beside this program, then PATH).
            """,
        version: "swiftlet \(swiftletVersion)",
        subcommands: [
            PullCommand.self, PushCommand.self, LoginCommand.self, LogoutCommand.self, LoadCommand.self, SaveCommand.self,
            ImportCommand.self, ImagesCommand.self, ImageCommand.self, TagCommand.self,
            RemoveImageCommand.self, BundleCommand.self, RunCommand.self, ListCommand.self, LogsCommand.self,
            ExecCommand.self, KillCommand.self, StopCommand.self, StartCommand.self, WaitCommand.self, RemoveCommand.self,
            InspectCommand.self, DiffCommand.self, CommitCommand.self, ExportCommand.self, CollectCommand.self, CheckCommand.self,
            SystemCommand.self, PodsCommand.self, StatsCommand.self, EventsCommand.self, AttachCommand.self, PortForwardCommand.self,
            CompletionCommand.self, ReapCommand.self,
        ])
}

/// One command of the program: what `run` of the parser's protocol would be, with the exit status as its result.
/// Asynchronous for the parser too, which asks for that where completions are.
protocol AnyVerb: AsyncParsableCommand {
    var global: GlobalOptions { get }
    /// What the program exits with when the command fails without a status of its own.
    var failureStatus: Int32 { get }
    func begin(_ journal: Journal) async throws -> Int32
}

extension AnyVerb {
    var failureStatus: Int32 { CommandStatus.failed }
}

/// A command that works on the store.
protocol Verb: AnyVerb {
    func perform(_ context: Context) async throws -> Int32
}

extension Verb {
    func begin(_ journal: Journal) async throws -> Int32 { try await perform(try Context(global, journal)) }
}

struct GlobalOptions: ParsableArguments {
    static let defaultRoot = "/var/lib/swiftlet"

    @Option(help: ArgumentHelp("Where images and containers are stored.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("How messages on stderr are written: text or json.", valueName: "format"))
    var logFormat: LogFormat = .text

    @Flag(help: "Say what is being done.")
    var debug = false
}

extension LogFormat: ExpressibleByArgument {}

/// The global options may stand before the command: they are moved behind it, where its parser expects them.
func hoistGlobalOptions(_ arguments: [String]) -> [String] {
    var globals: [String] = []
    var rest = arguments[...]
    while let first = rest.first {
        if first == "--debug" || first.hasPrefix("--root=") || first.hasPrefix("--log-format=") {
            globals.append(rest.removeFirst())
        } else if first == "--root" || first == "--log-format" {
            globals += rest.prefix(2)
            rest = rest.dropFirst(2)
        } else {
            break
        }
    }
    guard let name = rest.first, !name.hasPrefix("-"), name != "help" else {
        return globals.isEmpty || rest.isEmpty ? arguments : Array(rest)
    }
    // The command of a group has two words.
    let words = name == "image" || name == "system" ? 2 : 1
    return rest.prefix(words) + globals + rest.dropFirst(words)
}

/// `-eNAME=value` and `-v/a:/b` of run and exec as two arguments: the parser would take the text before `=` for the option.
/// Nothing is touched from the first word on that belongs to the image or container.
func splitJoinedOptions(_ arguments: [String]) -> [String] {
    let flags: Set = [
        "--rm", "--detach", "--interactive", "--tty", "--read-only", "--privileged", "--init", "--plain-http", "--debug", "--help",
        "--version",
    ]
    guard let verb = arguments.first, verb == "run" || verb == "exec" else { return arguments }
    var result = [verb]
    var rest = arguments.dropFirst()
    while let first = rest.first, first.hasPrefix("-"), first != "-", first != "--" {
        rest.removeFirst()
        let takesValue =
            first.hasPrefix("--") ? !first.contains("=") && !flags.contains(first) : "evuwml".contains(first.dropFirst().prefix(1))
        if takesValue, !first.hasPrefix("--"), first.count > 2 {
            result += [String(first.prefix(2)), String(first.dropFirst(2))]
        } else {
            result.append(first)
            if takesValue, let value = rest.popFirst() { result.append(value) }
        }
    }
    return result + rest
}

/// Parses, runs, prints what went wrong as one line, and returns the program's exit status.
package func runSwiftlet(_ arguments: [String]) async -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    // One connection at a time is what a command has: more threads would only cost time to start.
    NIOSingletons.groupLoopCountSuggestion = 1
    NIOSingletons.blockingPoolThreadCountSuggestion = 1
    let verb: any AnyVerb
    do {
        var command = try await Swiftlet.asyncParseAsRoot(splitJoinedOptions(hoistGlobalOptions(arguments)))
        guard let parsed = command as? any AnyVerb else {
            // The parser's own: help for a command, or for the program when no command is named.
            try command.run()
            return 0
        }
        verb = parsed
    } catch {
        return reportUsage(error)
    }
    let journal = Journal(format: verb.global.logFormat, isDebug: verb.global.debug)
    do {
        return try await verb.begin(journal)
    } catch let failure as CommandFailure {
        journal.failure(failure)
        return failure.status == CommandStatus.failed ? verb.failureStatus : failure.status
    } catch let failure as ArgumentFailure {
        journal.failure(CommandFailure("check argument", failure.value.debugDescription, failure.reason))
        return verb.failureStatus
    } catch {
        journal.error("\(error)")
        return verb.failureStatus
    }
}

private func reportUsage(_ error: any Error) -> Int32 {
    if Swiftlet.exitCode(for: error).isSuccess {
        print(Swiftlet.fullMessage(for: error))
        return 0
    }
    let message = Swiftlet.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
    Journal(format: .text, isDebug: false).error("arguments: \(message)")
    return CommandStatus.ownFailure
}
