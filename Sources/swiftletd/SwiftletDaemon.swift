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
        discussion: "SIGTERM ends it; containers go on and are found again by the next start.", version: swiftletVersion)

    @Option(help: "Where images, containers and pods are stored (environment: SWIFTLET_ROOT).")
    var root: String?

    @Option(help: "Where sockets and namespaces are kept while the node is up.")
    var state = "/run/swiftlet/swiftletd"

    @Option(help: "The socket to listen on.")
    var socket = "/run/swiftlet/swiftletd.sock"

    @Option(help: "What gives pods a network: cni (network plugins), or loopback (none) (environment: SWIFTLET_NETWORK).")
    var network: PluginSettings.Network?

    @Option(help: "The directory of network configurations.")
    var cniConfig = "/etc/cni/net.d"

    @Option(help: "Directories of network plugins, separated by colons.")
    var cniPlugins = "/opt/cni/bin:/usr/lib/cni"

    @Option(help: "Where the URLs of Exec, Attach and PortForward are served: an address of this node, and a port (0: a free one).")
    var streamAddress = "127.0.0.1:0"

    @Option(help: "Form of the messages on standard error.")
    var logFormat = LineLog.Format.text

    @Flag(help: "Say more; the shims too.")
    var debug = false

    /// Made first: a signal from then on ends it gracefully.
    static let termination = Result { try Termination() }

    func run() async throws {
        let (format, debug) = (logFormat, debug)
        LoggingSystem.bootstrap { _ in LineLog(format: format, debug: debug) }
        let logger = Logger(label: "swiftletd")
        do {
            let daemon = try await Daemon.start(settings(), logger: logger)
            try await Self.termination.get().wait()
            await daemon.stop()
        } catch {
            logger.error("\(error)")
            throw ExitCode.failure
        }
    }

    /// `127.0.0.1:8080`, `[::1]:8080`.
    private static func address(_ text: String) throws -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), colon != text.startIndex else {
            throw ValidationError("--stream-address \(text): an address and a port are wanted")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // A token is all that is asked for, and nothing is encrypted.
        guard host.hasPrefix("127.") || host == "::1" else { throw ValidationError("--stream-address \(text): must be a loopback address") }
        return (host, port)
    }

    private static func networkOfEnvironment() throws -> PluginSettings.Network {
        guard let text = environment("SWIFTLET_NETWORK"), !text.isEmpty else { return .cni }
        guard let network = PluginSettings.Network(rawValue: text) else {
            throw ValidationError("SWIFTLET_NETWORK: `\(text)` is neither cni nor loopback")
        }
        return network
    }

    private func settings() throws -> PluginSettings {
        let root = root ?? environment("SWIFTLET_ROOT") ?? "/var/lib/swiftlet"
        for path in [root, state, socket] where !path.hasPrefix("/") { throw ValidationError("\(path): must be an absolute path") }
        var settings = PluginSettings(root: root, state: state, socket: socket, shim: try PluginSettings.findShim())
        settings.debug = debug
        settings.network = try network ?? Self.networkOfEnvironment()
        (settings.streamHost, settings.streamPort) = try Self.address(streamAddress)
        settings.networkConfig = cniConfig
        if let text = environment("SWIFTLET_CNI_SECONDS") {
            guard let seconds = UInt16(text), seconds > 0 else {
                throw ValidationError("SWIFTLET_CNI_SECONDS: `\(text)` is no number of seconds")
            }
            settings.networkDeadline = .seconds(Int64(seconds))
        }
        settings.networkPlugins = cniPlugins.split(separator: ":").map(String.init)
        if let registries = environment("SWIFTLET_REGISTRIES"), !registries.isEmpty { settings.registries = registries }
        return settings
    }
}

extension PluginSettings.Network: ExpressibleByArgument {}

extension LineLog.Format: ExpressibleByArgument {}

func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}
