internal import ArgumentParser
internal import Glibc
internal import Messages
internal import SwiftProtobuf
internal import TTRPC
internal import TTRPCNIO

struct DaemonOptions: ParsableArguments {
    static let standardSocket = "/run/swiftlet/swiftletd.sock"

    @Option(help: ArgumentHelp("Where swiftletd listens (environment: SWIFTLET_SOCKET).", valueName: "path"))
    var socket: String?

    var path: String { Self.path(socket) }

    static func path(_ given: String?) -> String {
        given ?? Context.environment["SWIFTLET_SOCKET"].flatMap { $0.isEmpty ? nil : $0 } ?? standardSocket
    }
}

/// swiftletd as the command calls it: CRI's messages over ttrpc.
struct DaemonClient: Sendable {
    let ttrpc: TTRPCClient
    let path: String
    static let runtime = "runtime.v1.RuntimeService"
    private static let patience: Duration = .seconds(60)

    static func connect(_ path: String) async throws(CommandFailure) -> DaemonClient {
        do throws(Status) { return DaemonClient(ttrpc: try await TTRPCClient.connect(path: path), path: path) } catch {
            throw CommandFailure("connect to swiftletd", "", error.message)
        }
    }

    func close() async { await ttrpc.close() }

    /// `subject`: what the call is about, for its error.
    func call<Q: Message, A: Message>(
        _ method: String, _ request: Q, as answer: A.Type, about subject: String = "", timeout: Duration = patience
    ) async throws(CommandFailure) -> A {
        do throws(Status) { return try await ttrpc.unary(Self.runtime, method, request, as: answer, timeout: timeout) } catch {
            throw CommandFailure(method, subject, error.message)
        }
    }

    func pods() async throws(CommandFailure) -> [Runtime_V1_PodSandbox] {
        try await call("ListPodSandbox", Runtime_V1_ListPodSandboxRequest(), as: Runtime_V1_ListPodSandboxResponse.self).items
    }

    func containers() async throws(CommandFailure) -> [Runtime_V1_Container] {
        try await call("ListContainers", Runtime_V1_ListContainersRequest(), as: Runtime_V1_ListContainersResponse.self).containers
    }

    func inventory() async throws(CommandFailure) -> Inventory { Inventory(pods: try await pods(), containers: try await containers()) }

    func status(ofContainer id: String, verbose: Bool = false) async throws(CommandFailure) -> Runtime_V1_ContainerStatusResponse {
        var request = Runtime_V1_ContainerStatusRequest()
        (request.containerID, request.verbose) = (id, verbose)
        return try await call("ContainerStatus", request, as: Runtime_V1_ContainerStatusResponse.self, about: id)
    }

    func status(ofPod id: String) async throws(CommandFailure) -> Runtime_V1_PodSandboxStatusResponse {
        var request = Runtime_V1_PodSandboxStatusRequest()
        (request.podSandboxID, request.verbose) = (id, true)
        return try await call("PodSandboxStatus", request, as: Runtime_V1_PodSandboxStatusResponse.self, about: id)
    }

    func events() -> AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error> {
        ttrpc.serverStream(Self.runtime, "GetContainerEvents", Runtime_V1_GetEventsRequest())
    }
}

/// A command that talks to swiftletd alone: it opens no store and need not be root, if the socket lets it in.
protocol DaemonVerb: AnyVerb {
    var daemon: DaemonOptions { get }
    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32
}

extension DaemonVerb {
    func begin(_ journal: Journal) async throws -> Int32 {
        try await withDaemon(daemon) { try await perform($0, journal) }
    }
}

/// Runs `body` with a connection that is closed afterwards.
func withDaemon(_ options: DaemonOptions, _ body: (DaemonClient) async throws -> Int32) async throws -> Int32 {
    let client = try await DaemonClient.connect(options.path)
    do {
        let status = try await body(client)
        await client.close()
        return status
    } catch {
        await client.close()
        throw error
    }
}
