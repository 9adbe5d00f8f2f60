internal import ArgumentParser
internal import Glibc
internal import Kubelet
internal import OCI

struct StatusVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show the pods of the mock kubelet that runs.")

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @OptionGroup var place: RootOption

    @Option(help: "table or json.")
    var format = Format.table

    func run() async throws {
        throw await exiting {
            let client = try await ControlClient.connect(root: place.path)
            let status = try await client.status()
            await client.close()
            switch format {
            case .json: printLine((status.object?["pods"] ?? []).text(pretty: true), to: STDOUT_FILENO)
            case .table: for line in status.object?["table"]?.array ?? [] { printLine(line.string ?? "", to: STDOUT_FILENO) }
            }
            return 0
        }
    }
}

/// A container of the mock kubelet that runs: `pod`, or `namespace/pod`, and a container's name where there are several.
struct ContainerChoice: ParsableArguments {
    @OptionGroup var place: RootOption

    @Option(name: .shortAndLong, help: "The container; the pod's first when not said.")
    var container: String?

    @Argument(help: "NAME or NAMESPACE/NAME.")
    var pod: String

    struct Found {
        var id: String?
        var log: String
        var restarts: Int64
        /// The plugin's.
        var socket: String
    }

    static func key(_ pod: String) -> String { pod.contains("/") ? pod : "default/" + pod }

    func find() async throws -> Found {
        let client = try await ControlClient.connect(root: place.path)
        let status = try await client.status()
        await client.close()
        let pods = status.object?["pods"]?.array ?? []
        guard let found = pods.first(where: { $0.object?["pod"]?.string == Self.key(pod) })?.object else {
            throw ValidationError("pod \(Self.key(pod)): is not there")
        }
        let containers = found["containers"]?.array?.compactMap(\.object) ?? []
        let wanted = container.map { name in containers.first { $0["name"]?.string == name } } ?? containers.last
        guard let one = wanted else { throw ValidationError("pod \(pod): has no container \(container ?? "")") }
        return Found(
            id: one["id"]?.string, log: one["log"]?.string ?? "", restarts: one["restarts"]?.int64 ?? 0,
            socket: status.object?["socket"]?.string ?? "")
    }
}

struct LogsVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print what a container has printed.")

    @OptionGroup var choice: ContainerChoice

    @Flag(name: .shortAndLong, help: "Go on until the container's log is gone or this is interrupted.")
    var follow = false

    @Flag(name: .shortAndLong, help: "Of the attempt before.")
    var previous = false

    func run() async throws {
        throw await exiting {
            let found = try await choice.find()
            var path = found.log
            if previous {
                guard found.restarts > 0 else { throw ValidationError("container: there is no attempt before") }
                path = path.replacing("/\(found.restarts).log", with: "/\(found.restarts - 1).log")
            }
            try await LogOutput(path: path).run(follow: follow)
            return 0
        }
    }
}

struct ExecVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a command in a container and print what it printed.",
        discussion: "The exit status is the command's.")

    @OptionGroup var choice: ContainerChoice

    @Option(help: "Seconds that the command may take.")
    var timeout = 60

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String]

    func run() async throws {
        throw await exiting {
            guard !command.isEmpty else { throw ValidationError("the command is empty") }
            let found = try await choice.find()
            guard let id = found.id else { throw ValidationError("the container does not run") }
            let node = try await RuntimeNode.connect(found.socket)
            let result = try await node.execute(command, in: id, limit: .seconds(timeout))
            await node.close()
            writeAll(result.stdout, to: STDOUT_FILENO)
            writeAll(result.stderr, to: STDERR_FILENO)
            return result.code
        }
    }
}

struct DeleteVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Stop and remove a pod.",
        discussion: "Returns when it is gone. It does not come back before its manifest is another.")

    @OptionGroup var place: RootOption

    @Argument(help: "NAME or NAMESPACE/NAME.")
    var pod: String

    func run() async throws {
        throw await exiting {
            let client = try await ControlClient.connect(root: place.path)
            try await client.delete(ContainerChoice.key(pod))
            await client.close()
            return 0
        }
    }
}
