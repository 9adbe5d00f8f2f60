import Foundation
import Images
import LinuxSys
import Logging
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

/// A swiftletd in this process with a directory, a real image of busybox and real shims.
final class NodeFixture: Sendable {
    static let image = "swiftlet/test:1.0"
    /// The shim that was built beside the tests.
    static let shim = FileManager.default.currentDirectoryPath + "/.build/debug/containerd-shim-swiftlet-v2"
    static let canRun = getuid() == 0 && [shim, "/bin/busybox"].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    let directory: String
    let settings: PluginSettings

    init() throws {
        directory = NSTemporaryDirectory() + "swl-plugin-\(UUID().uuidString.prefix(8))"
        var settings = PluginSettings(
            root: directory + "/root", state: directory + "/state", socket: directory + "/run/d.sock", shim: Self.shim)
        settings.network = .loopback
        settings.shimSockets = directory + "/shims"
        settings.cdiDirectories = [directory + "/cdi"]
        settings.runtimes = ["runc": .init(program: "runc", root: directory + "/runc")]
        self.settings = settings
        let made = Process()
        made.executableURL = URL(fileURLWithPath: "/bin/sh")
        made.arguments = ["-ec", Self.archive, "sh", directory]
        try made.run()
        made.waitUntilExit()
        try #require(made.terminationStatus == 0)
        _ = try Store(root: settings.root).load(directory + "/image.tar", name: Self.image, progress: nil)
    }

    /// A `docker save` archive of one layer.
    static let archive = """
        mkdir -p $1/root $1/a/fs/bin $1/a/fs/etc $1/a/fs/tmp; cd $1/a
        cp /bin/busybox fs/bin/busybox
        for name in sh sleep cat echo hostname dd tail id grep ps kill; do ln -s busybox fs/bin/$name; done
        printf '#!/no/such/interpreter\\n' > fs/bin/bad-script; chmod 755 fs/bin/bad-script
        printf 'root:x:0:0:root:/:/bin/sh\\nweb:x:33:33::/:/bin/sh\\n' > fs/etc/passwd; printf 'root:x:0:\\nvideo:x:44:web\\n' > fs/etc/group
        tar -C fs -cf layer.tar .
        diff=$(sha256sum layer.tar | cut -d' ' -f1)
        printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $diff > config.json
        echo '[{"Config":"config.json","RepoTags":["x:1"],"Layers":["layer.tar"]}]' > manifest.json
        tar -cf ../image.tar manifest.json config.json layer.tar
        """

    func start() async throws -> (Daemon, CRIClient) {
        let daemon = try await Daemon.start(settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return (daemon, CRIClient(try await TTRPCClient.connect(path: settings.socket), self))
    }

    /// What must be gone when every pod is: mounts, shims, files of containers and pods.
    func leftovers() throws -> [String] {
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n").filter {
            $0.contains(directory)
        }
        let files = ["state/pods", "state/containers", "shims", "state/exec"].flatMap { sub in
            ((try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(sub)")) ?? []).map { "\(sub)/\($0)" }
        }
        return mounts.map(String.init) + files
    }

    /// A shim that was let go of ends by itself, in its own time: what is there after that.
    func lastingLeftovers() async throws -> [String] {
        var left = try leftovers()
        for _ in 0..<100 where !left.isEmpty {
            try await Task.sleep(for: .milliseconds(100))
            left = try leftovers()
        }
        return left
    }

    /// The database takes its own files away as it closes, which may trip a removal that is under way.
    func remove() {
        for _ in 0..<10 where FileManager.default.fileExists(atPath: directory) { try? FileManager.default.removeItem(atPath: directory) }
    }

    /// Runs `body` against a fresh node and checks that it left nothing.
    static func with(_ body: (NodeFixture, CRIClient) async throws -> Void) async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        let (daemon, client) = try await node.start()
        do {
            try await body(node, client)
            #expect(try await node.lastingLeftovers() == [])
        } catch {
            try? await client.removeEverything()
            await daemon.stop()
            throw error
        }
        try? await client.removeEverything()
        await client.close()
        await daemon.stop()
    }
}

/// CRI in the words of a test.
struct CRIClient: Sendable {
    let ttrpc: TTRPCClient
    let node: NodeFixture

    init(_ ttrpc: TTRPCClient, _ node: NodeFixture) { (self.ttrpc, self.node) = (ttrpc, node) }

    func close() async { await ttrpc.close() }

    func call<Q: Message, A: Message>(_ method: String, _ request: Q, as: A.Type = A.self) async throws(Status) -> A {
        try await ttrpc.unary("runtime.v1.RuntimeService", method, request, timeout: .seconds(60))
    }

    func runPod(_ name: String = "p", _ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }) async throws(Status) -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        request.config = SandboxPlanTests.config {
            $0.metadata.name = name
            $0.logDirectory = node.directory + "/logs"
        }
        change(&request.config)
        return try await call("RunPodSandbox", request, as: Runtime_V1_RunPodSandboxResponse.self).podSandboxID
    }

    func create(
        _ name: String, in pod: String, _ command: [String], _ change: (inout Runtime_V1_ContainerConfig) -> Void = { _ in }
    ) async throws(Status) -> String {
        var request = Runtime_V1_CreateContainerRequest()
        request.podSandboxID = pod
        request.config.metadata.name = name
        request.config.image.image = NodeFixture.image
        request.config.command = command
        request.config.logPath = "\(name).log"
        change(&request.config)
        return try await call("CreateContainer", request, as: Runtime_V1_CreateContainerResponse.self).containerID
    }

    func start(_ id: String) async throws(Status) {
        var request = Runtime_V1_StartContainerRequest()
        request.containerID = id
        _ = try await call("StartContainer", request, as: Runtime_V1_StartContainerResponse.self)
    }

    func run(_ name: String, in pod: String, _ command: [String]) async throws(Status) -> String {
        let id = try await create(name, in: pod, command)
        try await start(id)
        return id
    }

    func stop(_ id: String, grace: Int64) async throws(Status) {
        var request = Runtime_V1_StopContainerRequest()
        (request.containerID, request.timeout) = (id, grace)
        _ = try await call("StopContainer", request, as: Runtime_V1_StopContainerResponse.self)
    }

    func remove(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemoveContainerRequest()
        request.containerID = id
        _ = try await call("RemoveContainer", request, as: Runtime_V1_RemoveContainerResponse.self)
    }

    func stopPod(_ id: String) async throws(Status) {
        var request = Runtime_V1_StopPodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("StopPodSandbox", request, as: Runtime_V1_StopPodSandboxResponse.self)
    }

    func removePod(_ id: String) async throws(Status) {
        var request = Runtime_V1_RemovePodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("RemovePodSandbox", request, as: Runtime_V1_RemovePodSandboxResponse.self)
    }

    func status(_ id: String) async throws(Status) -> Runtime_V1_ContainerStatus {
        var request = Runtime_V1_ContainerStatusRequest()
        request.containerID = id
        return try await call("ContainerStatus", request, as: Runtime_V1_ContainerStatusResponse.self).status
    }

    func exec(_ id: String, _ command: [String], timeout: Int64 = 0) async throws(Status) -> (out: String, err: String, code: Int32) {
        var request = Runtime_V1_ExecSyncRequest()
        (request.containerID, request.cmd, request.timeout) = (id, command, timeout)
        let answer = try await call("ExecSync", request, as: Runtime_V1_ExecSyncResponse.self)
        return (String(decoding: answer.stdout, as: UTF8.self), String(decoding: answer.stderr, as: UTF8.self), answer.exitCode)
    }

    func events() -> AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error> {
        ttrpc.serverStream("runtime.v1.RuntimeService", "GetContainerEvents", Runtime_V1_GetEventsRequest())
    }

    /// Returns the status once the container has ended. An event, or the status itself, tells.
    func ended(_ id: String) async throws -> Runtime_V1_ContainerStatus {
        let stream = events()
        let now = try await status(id)
        if now.state == .containerExited { return now }
        for try await event in stream where event.containerID == id && event.containerEventType == .containerStoppedEvent {
            return try await status(id)
        }
        throw Status(.unavailable, "the events ended")
    }

    func removeEverything() async throws {
        let pods = try await call("ListPodSandbox", Runtime_V1_ListPodSandboxRequest(), as: Runtime_V1_ListPodSandboxResponse.self)
        for pod in pods.items { try await removePod(pod.id) }
    }

    func log(_ name: String) throws -> String { try String(contentsOfFile: "\(node.directory)/logs/\(name).log", encoding: .utf8) }
}
