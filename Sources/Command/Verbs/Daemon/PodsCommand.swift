internal import ArgumentParser
internal import Messages
internal import OCI

struct PodsCommand: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "pods", abstract: "List the pods of swiftletd.", discussion: "Their containers: ps --pods.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false

    @Option(help: "table or json.")
    var format: ListFormat = .table

    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32 {
        let inventory = try await client.inventory()
        if quiet {
            for pod in inventory.pods { say(pod.id) }
        } else if format == .json {
            say(JSON.array(inventory.pods.map { Self.json($0, inventory) }).text(pretty: true))
        } else {
            var table = Table(["POD ID", "NAME", "STATE", "CONTAINERS", "CREATED"])
            for pod in inventory.pods {
                let containers = inventory.containers.filter { $0.podSandboxID == pod.id }
                table.add([
                    ContainerID.short(pod.id), Inventory.name(of: pod), pod.state.word,
                    "\(containers.count { $0.state == .containerRunning })/\(containers.count)",
                    "\(Timestamp(nanoseconds: pod.createdAt).age(at: .now)) ago",
                ])
            }
            for line in table.lines { say(line) }
        }
        return 0
    }

    static func json(_ pod: Runtime_V1_PodSandbox, _ inventory: Inventory) -> JSON {
        [
            "id": .string(pod.id), "name": .string(pod.metadata.name), "namespace": .string(pod.metadata.namespace),
            "uid": .string(pod.metadata.uid), "attempt": .integer(Int64(pod.metadata.attempt)), "state": .string(pod.state.word),
            "created": .string(Timestamp(nanoseconds: pod.createdAt).rfc3339), "runtimeHandler": .string(pod.runtimeHandler),
            "labels": .labels(pod.labels), "annotations": .labels(pod.annotations),
            "containers": .array(inventory.containers.filter { $0.podSandboxID == pod.id }.map { .string($0.id) }),
        ]
    }
}

/// `ps --pods`.
struct PodContainerList {
    let all: Bool
    let quiet: Bool
    let noTrunc: Bool
    let format: ListFormat

    func perform(_ client: DaemonClient) async throws -> Int32 {
        let inventory = try await client.inventory()
        let shown = inventory.containers.filter { all || $0.state == .containerRunning || $0.state == .containerCreated }
        if quiet {
            for container in shown { say(noTrunc ? container.id : ContainerID.short(container.id)) }
        } else if format == .json {
            say(JSON.array(shown.map { Self.json($0, inventory) }).text(pretty: true))
        } else {
            var table = Table(["CONTAINER ID", "IMAGE", "CREATED", "STATE", "ATTEMPT", "NAME"])
            for container in shown {
                table.add([
                    noTrunc ? container.id : ContainerID.short(container.id), container.image.image,
                    "\(Timestamp(nanoseconds: container.createdAt).age(at: .now)) ago", container.state.word,
                    "\(container.metadata.attempt)", inventory.name(of: container),
                ])
            }
            for line in table.lines { say(line) }
        }
        return 0
    }

    static func json(_ container: Runtime_V1_Container, _ inventory: Inventory) -> JSON {
        [
            "id": .string(container.id), "name": .string(inventory.name(of: container)), "pod": .string(container.podSandboxID),
            "image": .string(container.image.image), "imageID": .string(container.imageID),
            "attempt": .integer(Int64(container.metadata.attempt)), "state": .string(container.state.word),
            "created": .string(Timestamp(nanoseconds: container.createdAt).rfc3339), "labels": .labels(container.labels),
            "annotations": .labels(container.annotations),
        ]
    }
}
