internal import ArgumentParser
internal import Images
internal import OCI

struct ListCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List the containers that run.", aliases: ["list"])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Those of swiftletd instead.")
    var pods = false

    @Flag(name: .shortAndLong, help: "Also those that do not run.")
    var all = false

    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false

    @Option(help: "table or json.")
    var format: ListFormat = .table

    @Flag(help: "Print whole ids and commands.")
    var noTrunc = false

    func begin(_ journal: Journal) async throws -> Int32 {
        guard pods else { return try await perform(try Context(global, journal)) }
        let list = PodContainerList(all: all, quiet: quiet, noTrunc: noTrunc, format: format)
        return try await withDaemon(daemon) { try await list.perform($0) }
    }

    func perform(_ context: Context) async throws -> Int32 {
        let rows = try await Self.states(context).filter { all || $0.state.isAlive }
        if quiet {
            for row in rows { say(noTrunc ? row.container.id : ContainerID.short(row.container.id)) }
        } else if format == .json {
            say(JSON.array(rows.map { Self.json($0.container, $0.state) }).text(pretty: true))
        } else {
            for line in table(rows).lines { say(line) }
        }
        return 0
    }

    struct Row: Sendable {
        let container: Container
        let state: ContainerState
    }

    /// All containers, newest first, each asked at the same time as the others. One that is removed meanwhile is left out.
    static func states(_ context: Context) async throws -> [Row] {
        try await withThrowingTaskGroup(of: Row?.self) { group in
            for container in try context.containers() {
                group.addTask { try await row(container) }
            }
            var rows: [Row] = []
            for try await row in group {
                if let row { rows.append(row) }
            }
            return rows.sorted { $0.container.created > $1.container.created }
        }
    }

    private static func row(_ container: Container) async throws -> Row? {
        do {
            return Row(container: container, state: try await container.state())
        } catch ImageError.notFound {
            return nil
        }
    }

    private func table(_ rows: [Row]) -> Table {
        var table = Table(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAME"])
        for row in rows {
            let (container, state) = (row.container, row.state)
            let command = container.record.command.joined(separator: " ")
            table.add([
                noTrunc ? container.id : ContainerID.short(container.id), container.record.image,
                noTrunc ? command : shortened(command, to: 24),
                "\(container.created.age(at: .now)) ago", state.status(started: container.detail.started, now: .now), container.name,
            ])
        }
        return table
    }

    static func json(_ container: Container, _ state: ContainerState) -> JSON {
        var object = JSONObject()
        object["id"] = .string(container.id)
        object["name"] = .string(container.name)
        object["image"] = .string(container.record.image)
        object["command"] = .array(container.record.command.map { .string($0) })
        object["created"] = .string(container.created.rfc3339)
        object["state"] = .string(state.name)
        object["pid"] = .integer(Int64(state.pid))
        if case .exited(let exit) = state { object["exitCode"] = .integer(Int64(exit.code)) }
        var labels = JSONObject()
        for (name, value) in container.record.labels.sorted(by: { $0.key < $1.key }) { labels[name] = .string(value) }
        object["labels"] = .object(labels)
        return .object(object)
    }
}
