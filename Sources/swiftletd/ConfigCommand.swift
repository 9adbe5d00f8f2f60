internal import ArgumentParser
internal import Plugin

/// The configuration file, without starting anything.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Write or check a configuration file.", subcommands: [DefaultConfig.self, CheckConfig.self])
}

struct DefaultConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "default", abstract: "Print a configuration of the values that hold when nothing is said.")

    func run() { print(Configuration.defaultText, terminator: "") }
}

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read a configuration and say what is wrong with it.",
        discussion: "The exit status is 0 when nothing is wrong, else 1.")

    @Argument(help: "The file (default: \(Configuration.standardPath), if it is there).")
    var file: String?

    func run() throws {
        do { _ = try Configuration.load(file) } catch {
            LineLog.complain("\(error)")
            throw ExitCode.failure
        }
        print("\(file ?? Configuration.standardPath): nothing is wrong")
    }
}
