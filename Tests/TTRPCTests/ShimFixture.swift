import Foundation
import LinuxSys
import Messages
import SwiftProtobuf
import Synchronization
import TTRPC
import TTRPCNIO
import TaskClient
import Testing

/// A shim that speaks the task API: the one made here, and containerd's, which is the measure.
enum ShimUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case swiftlet, containerd

    var program: String {
        switch self {
        case .swiftlet: ((try? currentDirectory()) ?? ".") + "/.build/debug/containerd-shim-swiftlet-v2"
        case .containerd: "/usr/bin/containerd-shim-runc-v2"
        }
    }
    var testDescription: String { rawValue }

    static var canRun: Bool {
        let needed = ["/usr/bin/containerd-shim-runc-v2", "/usr/sbin/runc", "/bin/busybox"]
        return geteuid() == 0 && needed.allSatisfy { path in unsafe access(path, X_OK) == 0 }
    }
}

/// A bundle with busybox as its root, and a shim for it.
final class ShimFixture: Sendable {
    static let namespace = "swiftlet-test"
    let id: String
    let bundle: String
    let client: TTRPCClient
    let task: TaskService
    let shim: ShimUnderTest
    private let socket: String
    private let log: FDBox
    private let events: TTRPCServer

    /// - Parameter arguments: of the container's program.
    init(_ shim: ShimUnderTest, arguments: [String] = ["sleep", "1000"], terminal: Bool = false) async throws {
        self.shim = shim
        id = "api-\(shim.rawValue)-\(getpid())-\(Self.counter.add(1, ordering: .relaxed).newValue)"
        bundle = "/run/swiftlet-test/\(id)"
        try Self.makeBundle(bundle, id: id, arguments, terminal)
        events = try await TTRPCServer.listen(path: "\(bundle)/events", routes: Self.routes)
        log = FDBox(try FD.open("\(bundle)/log", O_RDWR | O_NONBLOCK))
        socket = try await ShimProcess.start(
            shim: shim.program, id: id, namespace: Self.namespace, bundle: bundle, eventAddress: "\(bundle)/events")
        client = try await TTRPCClient.connect(path: socket)
        task = try await TaskService(socket: socket, namespace: Self.namespace)
    }

    private static let counter = Atomic<Int>(0)

    private static var routes: Routes {
        var routes = Routes()
        routes.unary("containerd.services.events.ttrpc.v1.Events", "Forward") {
            (_: Containerd_Services_Events_Ttrpc_V1_ForwardRequest, _) in Google_Protobuf_Empty()
        }
        return routes
    }

    private static func makeBundle(_ bundle: String, id: String, _ arguments: [String], _ terminal: Bool) throws {
        for path in ["/run/swiftlet-test", bundle, "\(bundle)/rootfs"] + ["bin", "proc", "dev", "tmp"].map({ "\(bundle)/rootfs/\($0)" }) {
            _ = unsafe mkdir(path, 0o755)
        }
        let busybox = try FD.open("/bin/busybox", O_RDONLY).readAll(limit: 16 << 20)
        try FD.open("\(bundle)/rootfs/bin/busybox", O_WRONLY | O_CREAT, mode: 0o755).writeAll(busybox)
        for name in ["sh", "sleep", "true", "cat"] { _ = unsafe symlink("busybox", "\(bundle)/rootfs/bin/\(name)") }
        let words = arguments.map { "\"\($0)\"" }.joined(separator: ",")
        let config = """
            {"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"terminal":\(terminal),"cwd":"/","args":[\(words)],
             "user":{"uid":0,"gid":0},"env":["PATH=/bin"]},"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
             "linux":{"cgroupsPath":"/\(id)","namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"}]}}
            """
        try FD.open("\(bundle)/config.json", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).writeAll(Array(config.utf8))
        // containerd gives its shims a FIFO to log into, and its own ends without it.
        _ = unsafe mkfifo("\(bundle)/log", 0o600)
    }

    /// Of another container of this shim.
    func createRequest(_ name: String) throws -> Containerd_Task_V2_CreateTaskRequest {
        let other = "\(bundle)/\(name)"
        try Self.makeBundle(other, id: "\(id)-\(name)", ["sleep", "1000"], false)
        return .with {
            $0.id = "\(id)-\(name)"
            $0.bundle = other
        }
    }

    var createRequest: Containerd_Task_V2_CreateTaskRequest {
        .with {
            $0.id = id
            $0.bundle = bundle
        }
    }

    func execRequest(_ exec: String, _ arguments: [String] = ["sleep", "1000"]) -> Containerd_Task_V2_ExecProcessRequest {
        let words = arguments.map { "\"\($0)\"" }.joined(separator: ",")
        return .with {
            $0.id = id
            $0.execID = exec
            $0.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
            $0.spec.value = Data(#"{"cwd":"/","args":[\#(words)],"user":{"uid":0,"gid":0},"env":["PATH=/bin"]}"#.utf8)
        }
    }

    /// Any call, and how it ended: nil for well.
    func status<Q: Message>(_ method: String, _ request: Q) async -> Status? {
        do throws(Status) {
            let _: Google_Protobuf_Empty = try await client.unary(
                TaskService.name, method, request, timeout: .seconds(60),
                metadata: [RequestEnvelope.Pair(key: RequestEnvelope.namespaceKey, value: Self.namespace)])
            return nil
        } catch { return error }
    }

    /// Ends what is left, in whatever phase.
    func end() async {
        try? await task.kill(id, signal: 9, all: true)
        _ = try? await task.wait(id, timeout: .seconds(10))
        _ = try? await task.delete(id)
        try? await task.shutdown(id, now: true)
        await task.close()
        await client.close()
        _ = try? await ShimProcess.delete(shim: shim.program, id: id, namespace: Self.namespace, bundle: bundle)
        await events.close()
        _ = unsafe unlink(socket)
        if let parent = try? FD.open("/run/swiftlet-test", O_RDONLY | O_DIRECTORY) { try? parent.removeTree(FileName(own: id)) }
    }
}
