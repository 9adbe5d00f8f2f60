import ArgumentParser
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO

/// Load for swiftletd: CRI over ttrpc, from one connection. Prints one line of `name=value`; times are milliseconds.
@main
struct PluginLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin-load", abstract: "Load for swiftletd.",
        subcommands: [PodLoad.self, ExitedLoad.self, ListLoad.self, ExecLoad.self, ReadyProbe.self, Clearance.self])
}

struct Node: ParsableArguments {
    @Option(help: "The socket of swiftletd.") var socket: String
    @Option(help: "The image of the containers; it has busybox.") var image = "swiftlet/bench:1"

    func connect() async throws -> Calls { Calls(client: try await TTRPCClient.connect(path: socket), image: image) }
}

/// CRI in the words of a load.
struct Calls: Sendable {
    let client: TTRPCClient
    let image: String

    func call<Q: Message, A: Message>(_ method: String, _ request: Q, as: A.Type = A.self) async throws -> A {
        try await client.unary("runtime.v1.RuntimeService", method, request, timeout: .seconds(120))
    }

    /// On the node's network.
    func runPod(_ name: String) async throws -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        (request.config.metadata.name, request.config.metadata.namespace, request.config.metadata.uid) = (name, "bench", name)
        request.config.linux.securityContext.namespaceOptions.network = .node
        request.config.linux.securityContext.namespaceOptions.pid = .container
        return try await call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self).podSandboxID
    }

    func create(_ name: String, in pod: String, _ command: [String]) async throws -> String {
        var request = Runtime_V1_CreateContainerRequest()
        request.podSandboxID = pod
        (request.config.metadata.name, request.config.image.image, request.config.command) = (name, image, command)
        return try await call("CreateContainer", request, as: Runtime_V1_CreateContainerResponse.self).containerID
    }

    func start(_ id: String) async throws {
        var request = Runtime_V1_StartContainerRequest()
        request.containerID = id
        _ = try await call("StartContainer", request, as: Runtime_V1_StartContainerResponse.self)
    }

    func list() async throws -> [Runtime_V1_Container] {
        try await call("ListContainers", Runtime_V1_ListContainersRequest(), as: Runtime_V1_ListContainersResponse.self).containers
    }

    func pods() async throws -> [String] {
        try await call("ListPodSandbox", Runtime_V1_ListPodSandboxRequest(), as: Runtime_V1_ListPodSandboxResponse.self).items.map(\.id)
    }

    func removePod(_ id: String) async throws {
        var request = Runtime_V1_RemovePodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("RemovePodSandbox", request, as: Runtime_V1_RemovePodSandboxResponse.self)
    }
}

/// Times of many calls.
struct Times {
    private var all: [Double] = []

    mutating func add(_ duration: Duration) {
        all.append(Double(duration.components.seconds) * 1000 + Double(duration.components.attoseconds) / 1e15)
    }

    mutating func measure<T>(_ body: () async throws -> T) async rethrows -> T {
        let start = ContinuousClock.now
        let result = try await body()
        add(ContinuousClock.now - start)
        return result
    }

    /// The time that `share` of the calls (0 to 1) needed at most.
    func percentile(_ share: Double) -> String {
        let sorted = all.sorted()
        guard !sorted.isEmpty else { return "none" }
        let value = sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        return "\((value * 100).rounded() / 100)"
    }

    var line: String { "count=\(all.count) p50=\(percentile(0.5)) p90=\(percentile(0.9)) p99=\(percentile(0.99)) max=\(percentile(1))" }
}
