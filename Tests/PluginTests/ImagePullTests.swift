import Foundation
import Images
import Messages
import Registry
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

/// docker-registry with one user, in a directory that goes with it.
private final class PrivateRegistry: Sendable {
    static let program = "/usr/bin/docker-registry"
    static let canRun = FileManager.default.isExecutableFile(atPath: program)
    static let password = "secret-word"
    let host: String
    private let directory: String
    private let pid: Int32

    init() throws {
        directory = NSTemporaryDirectory() + "swl-registry-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let port = try Self.freePort()
        host = "127.0.0.1:\(port)"
        try "tester:$2y$05$5FXxP4aDDTeOOaOfdvtkZ.d5eRvBkgm1Y2eH5BZ4ara5WkOEMUCAS\n"
            .write(toFile: directory + "/users", atomically: false, encoding: .utf8)
        let config = """
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(directory)/data}}
            http: {addr: \(host)}
            auth: {htpasswd: {realm: tests, path: \(directory)/users}}
            """
        try config.write(toFile: directory + "/config.yml", atomically: false, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["serve", directory + "/config.yml"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        pid = process.processIdentifier
    }

    private static func freePort() throws -> UInt16 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = unsafe inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(socket, pointer, length) == 0 && getsockname(socket, pointer, &length) == 0
            }
        }
        try #require(bound)
        return UInt16(bigEndian: address.sin_port)
    }

    func stop() {
        kill(pid, SIGTERM)
        try? FileManager.default.removeItem(atPath: directory)
    }
}

// Among the others that start shims: where these put their sockets is said by the environment of the whole process.
extension NodeTests {
    @Suite(
        "pulling by CRI", .enabled(if: NodeFixture.canRun && PrivateRegistry.canRun, "needs root, the shim, busybox and docker-registry"))
    struct ImagePullTests {
        private func pull(_ client: CRIClient, _ name: String, _ auth: (inout Runtime_V1_AuthConfig) -> Void) async throws(Status) -> String
        {
            var request = Runtime_V1_PullImageRequest()
            request.image.image = name
            auth(&request.auth)
            return try await client.ttrpc.unary(
                "runtime.v1.ImageService", "PullImage", request, as: Runtime_V1_PullImageResponse.self, timeout: .seconds(60)
            ).imageRef
        }

        private func code(_ client: CRIClient, _ name: String, _ auth: (inout Runtime_V1_AuthConfig) -> Void = { _ in }) async
            -> StatusCode?
        {
            do throws(Status) {
                _ = try await pull(client, name, auth)
                return nil
            } catch {
                #expect(!error.message.contains(PrivateRegistry.password))
                return error.code
            }
        }

        @Test("PullImage takes the credentials of the call, in every form; its answer is what containers are made of")
        func pulls() async throws {
            try await NodeFixture.with { node, client in
                let registry = try PrivateRegistry()
                defer { registry.stop() }
                let name = "\(registry.host)/private/app:1"
                let store = try Store(root: node.settings.root)
                let credentials = FixedCredentials(.password(user: "tester", password: PrivateRegistry.password), for: registry.host)
                // The registry comes up meanwhile.
                var patience = Patience()
                (patience.retries, patience.firstDelayMilliseconds, patience.longestDelayMilliseconds) = (200, 25, 50)
                var pushed = false
                for _ in 0..<100 where !pushed {
                    do throws(RegistryError) {
                        let target = try Reference(name)
                        _ = try await RegistryClient.with(RegistrySettings(), credentials, patience: patience) {
                            (client) throws(RegistryError) in
                            try await Push(NodeFixture.image, to: target, client: client, store: store).run()
                        }
                        pushed = true
                    } catch {
                        guard case .unreachable = error else { throw error }
                    }
                }
                let id = try store.image(NodeFixture.image).id
                try store.removeImage(NodeFixture.image)
                #expect(await code(client, name) == .unauthenticated)
                #expect(await code(client, name) { ($0.username, $0.password) = ("tester", "wrong") } == .unauthenticated)
                #expect(
                    await code(client, name) {
                        ($0.username, $0.password, $0.serverAddress) = ("tester", PrivateRegistry.password, "other.example")
                    }
                        == .unauthenticated)
                #expect(await code(client, "127.0.0.1:1/x:1") == .unavailable)
                #expect(await code(client, "NO REFERENCE") == .invalidArgument)
                #expect(await code(client, "") == .invalidArgument)
                #expect(try store.images().isEmpty)
                let reference = try await pull(client, name) { ($0.username, $0.password) = ("tester", PrivateRegistry.password) }
                #expect(reference == id)
                let auth = Data("tester:\(PrivateRegistry.password)".utf8).base64EncodedString()
                #expect(try await pull(client, name) { ($0.auth, $0.serverAddress) = (auth, "http://\(registry.host)/v2/") } == id)
                #expect(await code(client, "\(registry.host)/private/none:1") { $0.auth = auth } == .notFound)
                var status = Runtime_V1_ImageStatusRequest()
                status.image.image = name
                let image = try await client.ttrpc.unary(
                    "runtime.v1.ImageService", "ImageStatus", status, as: Runtime_V1_ImageStatusResponse.self, timeout: .seconds(60)
                ).image
                #expect((image.id, image.repoTags, image.repoDigests.count) == (id, [name], 1))
                let pod = try await client.runPod()
                let container = try await client.create("c", in: pod, ["sleep", "1000"]) { $0.image.image = reference }
                try await client.start(container)
                #expect(try await client.exec(container, ["echo", "made of it"]).out == "made of it\n")
                try await client.removePod(pod)
            }
        }
    }
}
