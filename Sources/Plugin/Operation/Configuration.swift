internal import Glibc
internal import LinuxSys
package import OCI
internal import Registry
package import TTRPCNIO
internal import YAML

/// `swiftletd`'s configuration file: YAML, every key known, every value checked.
package struct Configuration: Equatable, Sendable {
    package static let standardPath = "/etc/swiftlet/swiftletd.yaml"
    /// A file past it is none of ours.
    static let mostBytes = 1 << 20

    package var root = "/var/lib/swiftlet"
    package var state = "/run/swiftlet/swiftletd"
    package var socket = Socket()
    package var log = Log()
    package var registries = RegistrySettings.standardPath
    package var metrics = Metrics()
    package var network = Network()
    /// Where the URLs of Exec, Attach and PortForward are served. Port 0: one that is free.
    package var streaming = "127.0.0.1:0"
    /// Other OCI runtimes by the name of their handler.
    package var runtimes: [String: PluginSettings.OtherRuntime] = [:]
    package var cgroupDriver = PluginSettings.CgroupDriver.cgroupfs
    /// That an orchestrator must not remove.
    package var pinnedImages: [String] = []
    /// Directories of CDI specifications.
    package var cdi = ["/etc/cdi", "/var/run/cdi"]

    package struct Network: Equatable, Sendable {
        package var kind = PluginSettings.Network.cni
        package var config = "/etc/cni/net.d"
        package var plugins = ["/opt/cni/bin", "/usr/lib/cni"]
        /// That a network plugin may take.
        package var seconds: Int64?
        package init() {}
    }

    package struct Socket: Equatable, Sendable {
        package var path = "/run/swiftlet/swiftletd.sock"
        /// Nil: 0600, or 0660 with a group.
        package var mode: UInt32?
        /// Name or number; empty for the group of the process.
        package var group = ""
        /// Names or numbers, beside root and the user of the process.
        package var users: [String] = []
        package init() {}
    }

    package struct Log: Equatable, Sendable {
        package var format = LineLog.Format.text
        package var isDebug = false
        package init() {}
    }

    package struct Metrics: Equatable, Sendable {
        /// `127.0.0.1:9464`, `[::1]:9464` or the path of a socket; empty for none.
        package var listen = ""
        package init() {}
    }

    package init() {}
}

/// What is wrong with a configuration: the file, the key, why.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible, Sendable {
    package let file: String
    package let reason: String
    package var description: String { "configuration \(file): \(reason)" }
}

extension Configuration {
    /// Reads `file`; nil stands for the usual one, which need not be there.
    package static func load(_ file: String?) throws(ConfigurationError) -> Configuration {
        let path = file ?? standardPath
        let bytes: [UInt8]
        do throws(SysError) {
            bytes = try FD.open(path, O_RDONLY).readAll(limit: mostBytes)
        } catch {
            if file == nil && error.errno == ENOENT { return Configuration() }
            throw ConfigurationError(file: path, reason: "\(error.operation): \(error.reason)")
        }
        return try Configuration(yaml: String(decoding: bytes, as: UTF8.self), file: path)
    }

    package init(yaml text: String, file: String) throws(ConfigurationError) {
        self.init()
        do throws(YAMLError) {
            let documents = try YAMLDocument.documents(text)
            guard documents.count < 2 else { throw YAMLError(description: "has \(documents.count) documents instead of one") }
            guard let document = documents.first else { return }
            do throws(FieldError) { try read(JSONField(document)) } catch { throw YAMLError(description: "\(error)") }
        } catch {
            throw ConfigurationError(file: file, reason: error.description)
        }
    }

    private mutating func read(_ document: JSONField) throws(FieldError) {
        let fields = try Keys(
            document,
            [
                "root", "state", "socket", "log", "registries", "metrics", "network", "streaming", "runtimes", "cgroupDriver",
                "pinnedImages", "cdi",
            ])
        root = try fields.path("root") ?? root
        state = try fields.path("state") ?? state
        registries = try fields.path("registries") ?? registries
        if let keys = try fields.section("socket", ["path", "mode", "group", "users"]) {
            socket.path = try keys.path("path") ?? socket.path
            socket.mode = try keys.mode("mode")
            socket.group = try keys.word("group") ?? ""
            socket.users = try keys.words("users")
        }
        if let keys = try fields.section("log", ["format", "level"]) {
            log.format = try keys.choice("format", LineLog.Format.self) ?? .text
            log.isDebug = try keys.choice("level", LogLevel.self) == .debug
        }
        if let keys = try fields.section("metrics", ["listen"]) { metrics.listen = try keys.word("listen") ?? "" }
        if let keys = try fields.section("network", ["kind", "config", "plugins", "seconds"]) {
            network.kind = try keys.choice("kind", PluginSettings.Network.self) ?? .cni
            network.config = try keys.path("config") ?? network.config
            let plugins = try keys.words("plugins")
            if !plugins.isEmpty { network.plugins = plugins }
            network.seconds = try keys.number("seconds", from: 1, to: 65_535)
        }
        try readRuntimes(fields)
        streaming = try fields.word("streaming") ?? streaming
        _ = try streamAddress()
        if !metrics.listen.isEmpty { _ = try MetricsAddress(metrics.listen) }
        _ = try access()
    }

    private mutating func readRuntimes(_ fields: Keys) throws(FieldError) {
        for (name, keys) in try fields.sections("runtimes", ["program", "root"]) {
            guard let program = try keys.word("program"), !program.isEmpty else {
                throw FieldError("runtimes.\(name).program", "is missing")
            }
            var runtime = PluginSettings.OtherRuntime(program: program)
            runtime.root = try keys.path("root") ?? runtime.root
            runtimes[name] = runtime
        }
        cgroupDriver = try fields.choice("cgroupDriver", PluginSettings.CgroupDriver.self) ?? cgroupDriver
        pinnedImages = try fields.words("pinnedImages")
        let directories = try fields.words("cdi")
        if !directories.isEmpty { cdi = directories }
    }

    /// A token is all that is asked for there, and nothing is encrypted: only the node itself may reach it.
    package func streamAddress() throws(FieldError) -> (host: String, port: UInt16) {
        guard case .tcp(let host, let port) = try MetricsAddress(streaming, field: "streaming") else {
            throw FieldError("streaming", "must be a loopback address with a port")
        }
        return (host, UInt16(port))
    }

    private enum LogLevel: String, CaseIterable { case info, debug }

    /// Who may call, with every name resolved.
    package func access() throws(FieldError) -> SocketAccess {
        var access = SocketAccess()
        if !socket.group.isEmpty {
            guard let group = Accounts.group(socket.group) else { throw FieldError("socket.group", "there is no group \(socket.group)") }
            access.group = group
        }
        var users: Set<UInt32> = []
        for name in socket.users {
            guard let user = Accounts.user(name) else { throw FieldError("socket.users", "there is no user \(name)") }
            users.insert(user)
        }
        access.mode = socket.mode ?? (access.group == nil ? 0o600 : 0o660)
        guard access.mode & 0o007 == 0 || !users.isEmpty else {
            throw FieldError("socket.mode", "lets everybody in: say in socket.users who may call")
        }
        // With a group and no list the socket's mode decides alone.
        access.users = users.isEmpty && access.group != nil ? nil : users
        return access
    }

    /// A file that says what holds when nothing is said, with what each key means.
    package static var defaultText: String {
        let standard = Configuration()
        return """
            # swiftletd's configuration. Every key may be left out; these are the values that hold then.

            # Images, layers, records: outlives a reboot. (SWIFTLET_ROOT and --root win.)
            root: \(standard.root)
            # Bundles, namespaces, shared memory, the socket on which shims report: gone after a reboot.
            state: \(standard.state)
            # Where registries are, and their mirrors (docs/images.md).
            registries: \(standard.registries)

            socket:
              path: \(standard.socket.path)
              # Octal, as a string. Default "0600", with a group "0660".
              # mode: "0660"
              # The group that the socket belongs to: its members may call.
              # group: swiftlet
              # Users, by name or number, that may call beside root and the daemon's own.
              # users: []

            network:
              # cni: network plugins give pods their network; loopback: a pod has nothing else. (SWIFTLET_NETWORK and --network win.)
              kind: \(standard.network.kind.rawValue)
              config: \(standard.network.config)
              plugins: [\(standard.network.plugins.joined(separator: ", "))]
              # How long a network plugin may take.
              # seconds: 60

            # A loopback address and a port (0: one that is free) for the URLs of Exec, Attach and PortForward.
            streaming: \(standard.streaming)

            # cgroupfs or systemd: how the cgroup parents of pods are named.
            cgroupDriver: \(standard.cgroupDriver.rawValue)
            # Images, by full name or id, that an orchestrator must not remove.
            # pinnedImages: []
            # Directories of CDI specifications; a later one wins.
            cdi: [\(standard.cdi.joined(separator: ", "))]
            # Other OCI runtimes by the name of their handler: a program, and where it keeps its state.
            # runtimes: {runc: {program: runc, root: /run/swiftlet/runtimes}}

            log:
              # text or json
              format: \(standard.log.format.rawValue)
              # info or debug
              level: info

            metrics:
              # A loopback address (127.0.0.1:9464) or the path of a socket for Prometheus; empty for none.
              listen: ""

            """
    }
}
