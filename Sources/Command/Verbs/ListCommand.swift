internal import ArgumentParser
internal import Images
internal import OCI

struct ListCommand: Verb {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List the containers that run.", aliases: ["list"])

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Also those that do not run.")
    var all = false

    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false

    @Option(help: "table or json.")
    var format: ListFormat = .table

    @Flag(help: "Print whole ids and commands.")
    var noTrunc = false

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

    /// All containers, newest first, each asked at the same time as the others. One that is removed meanwhile is left out.
    static func states(_ context: Context) async throws -> [(container: Container, state: ContainerState)] {
        let containers = try context.containers()
        return try await withThrowingTaskGroup(of: (Int, ContainerState?).self) { group in
            for (number, container) in containers.enumerated() {
                group.addTask {
                    do {
                        return (number, try await container.state())
                    } catch ImageError.notFound {
                        return (number, nil)
                    }
                }
            }
            var states: [Int: ContainerState] = [:]
            for try await (number, state) in group { states[number] = state }
            return containers.indices.reversed().compactMap { number in states[number].map { (containers[number], $0) } }
        }
    }

    private func table(_ rows: [(container: Container, state: ContainerState)]) -> Table {
        var table = Table(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAME"])
        for (container, state) in rows {
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
