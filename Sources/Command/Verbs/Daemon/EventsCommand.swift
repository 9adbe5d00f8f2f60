internal import ArgumentParser
internal import Messages
internal import OCI
internal import TTRPC

struct EventsCommand: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what happens to the containers of swiftletd.",
        discussion: "With -f it goes on until it is interrupted; without, what is known of each container is shown as its last event.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(name: .shortAndLong, help: "Go on with what happens from now on.")
    var follow = false

    @Option(help: "text or json (a line each).")
    var format: EventFormat = .text

    enum EventFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32 {
        // Before the list: nothing that happens in between is missed.
        let stream = follow ? client.events() : nil
        let inventory = try await client.inventory()
        if !follow {
            for container in inventory.containers.reversed() { try await showLast(container, inventory, client) }
        }
        guard let stream else { return 0 }
        do {
            for try await event in stream { show(Self.json(event)) }
        } catch let status as Status {
            throw CommandFailure("GetContainerEvents", "", status.message)
        }
        return 0
    }

    private func showLast(_ container: Runtime_V1_Container, _ inventory: Inventory, _ client: DaemonClient) async throws {
        let status: Runtime_V1_ContainerStatus
        // It may have been removed since the list.
        do { status = try await client.status(ofContainer: container.id).status } catch { return }
        let (word, time): (String, Int64)
        switch status.state {
        case .containerExited: (word, time) = ("stopped", status.finishedAt)
        case .containerRunning: (word, time) = ("started", status.startedAt)
        default: (word, time) = ("created", status.createdAt)
        }
        show(
            Self.json(word, time, status, inventory.name(of: container), inventory.pods.first { $0.id == container.podSandboxID }?.id ?? "")
        )
    }

    private func show(_ event: JSONObject) {
        if format == .json { return say(JSON.object(event).text()) }
        let word = { (name: String) in event[name]?.string ?? "" }
        var line = "\(word("time"))  \(word("type"))  \(ContainerID.short(word("container")))  \(word("name"))"
        if let code = event["exitCode"]?.int64 { line += "  exit code \(code), \(word("reason"))" }
        say(Table.printable(line))
    }

    static func json(_ event: Runtime_V1_ContainerEventResponse) -> JSONObject {
        let status = event.containersStatuses.first { $0.id == event.containerID } ?? Runtime_V1_ContainerStatus()
        var pod = Runtime_V1_PodSandbox()
        pod.metadata = event.podSandboxStatus.metadata
        let name = "\(Inventory.name(of: pod))/\(status.metadata.name)"
        var known = status
        known.id = event.containerID
        return json(event.containerEventType.word, event.createdAt, known, name, event.podSandboxStatus.id)
    }

    private static func json(
        _ type: String, _ time: Int64, _ status: Runtime_V1_ContainerStatus, _ name: String, _ pod: String
    ) -> JSONObject {
        var object: JSONObject = [
            "time": .string(Timestamp(nanoseconds: time).rfc3339), "type": .string(type), "container": .string(status.id),
            "name": .string(name), "pod": .string(pod),
        ]
        if type == "stopped" {
            object["exitCode"] = .integer(Int64(status.exitCode))
            object["reason"] = .string(status.reason)
        }
        return object
    }
}
