internal import ArgumentParser
internal import Glibc
internal import Logging
internal import OCI
internal import Plugin
internal import TTRPCNIO

/// `swiftletd`: CRI over ttrpc on a Unix socket.
struct SwiftletDaemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftletd", abstract: "Runs pods and containers for an orchestrator: CRI messages over ttrpc on a Unix socket.",
        discussion: """
            What the command line does not say, the environment says (SWIFTLET_ROOT, SWIFTLET_REGISTRIES, SWIFTLET_NETWORK), then the configuration file. \
            SIGTERM ends it; containers go on and are found again by the next start. As a service it says when it is ready (NOTIFY_SOCKET) \
            and takes a socket that is handed over (LISTEN_FDS).
            """, version: swiftletVersion, subcommands: [ConfigCommand.self])

    @Option(help: ArgumentHelp("The configuration (default: \(Configuration.standardPath), if it is there).", valueName: "file"))
    var config: String?

    @Option(help: "Where images, containers and pods are stored.")
    var root: String?

    @Option(help: "Where sockets and namespaces are kept while the node is up.")
    var state: String?

    @Option(help: "The socket to listen on.")
    var socket: String?

    @Option(help: "What gives pods a network: cni (network plugins), or loopback (none).")
    var network: PluginSettings.Network?

    @Option(help: "The directory of network configurations.")
    var cniConfig: String?

    @Option(help: "Directories of network plugins, separated by colons.")
    var cniPlugins: String?

    @Option(help: "Where the URLs of Exec, Attach and PortForward are served: a loopback address and a port (0: a free one).")
    var streamAddress: String?

    @Option(help: "Where metrics are served: a loopback address with a port, or the path of a socket.")
    var metrics: String?

    @Option(help: "Form of the messages on standard error: text or json.")
    var logFormat: LineLog.Format?

    @Flag(help: "Say more; the shims too.")
    var debug = false

    /// Made first: a signal from then on ends it gracefully.
    static let termination = Result { try Termination() }

    func run() async throws {
        let settings: PluginSettings
        do { settings = try self.settings() } catch {
            // The form of the log is not known yet.
            LineLog.complain("swiftletd: \(error)")
            throw ExitCode.failure
        }
        let log = settings.log
        LoggingSystem.bootstrap { _ in LineLog(format: log.format, debug: log.isDebug) }
        let logger = Logger(label: "swiftletd")
        do {
            let daemon = try await Daemon.start(settings, logger: logger)
            ServiceNotice.send("READY=1", "STATUS=listening on \(settings.socket)")
            try await Self.termination.get().wait()
            ServiceNotice.send("STOPPING=1")
            await daemon.stop()
        } catch {
            logger.error("\(error)")
            throw ExitCode.failure
        }
    }

    private static func networkOfEnvironment() throws -> PluginSettings.Network? {
        guard let text = environment("SWIFTLET_NETWORK"), !text.isEmpty else { return nil }
        guard let network = PluginSettings.Network(rawValue: text) else {
            throw ValidationError("SWIFTLET_NETWORK: `\(text)` is neither cni nor loopback")
        }
        return network
    }

    private func settings() throws -> PluginSettings {
        var configuration = try Configuration.load(config)
        try take(&configuration)
        for path in [configuration.root, configuration.state, configuration.socket.path] where !path.hasPrefix("/") {
            throw ValidationError("\(path): must be an absolute path")
        }
        return try PluginSettings(configuration, inherited: ServiceNotice.inheritedSocket(processID: getpid()))
    }

    /// The environment wins over the file, the command line over both.
    private func take(_ configuration: inout Configuration) throws {
        if let registries = environment("SWIFTLET_REGISTRIES"), !registries.isEmpty { configuration.registries = registries }
        configuration.root = root ?? environment("SWIFTLET_ROOT") ?? configuration.root
        if let state { configuration.state = state }
        if let socket { configuration.socket.path = socket }
        if let metrics { configuration.metrics.listen = metrics }
        if let logFormat { configuration.log.format = logFormat }
        if debug { configuration.log.isDebug = true }
        if let streamAddress { configuration.streaming = streamAddress }
        if let network = try network ?? Self.networkOfEnvironment() { configuration.network.kind = network }
        if let cniConfig { configuration.network.config = cniConfig }
        if let cniPlugins { configuration.network.plugins = cniPlugins.split(separator: ":").map(String.init) }
        if let text = environment("SWIFTLET_CNI_SECONDS") {
            guard let seconds = UInt16(text), seconds > 0 else {
                throw ValidationError("SWIFTLET_CNI_SECONDS: `\(text)` is no number of seconds")
            }
            configuration.network.seconds = Int64(seconds)
        }
    }
}

extension PluginSettings.Network: ExpressibleByArgument {}

extension LineLog.Format: ExpressibleByArgument {}

func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

extension SwiftletDaemon {
    static func start() async {
        do {
            var command = try parseAsRoot()
            if var verb = command as? any AsyncParsableCommand { try await verb.run() } else { try command.run() }
        } catch {
            exit(withError: error)
        }
    }
}
