import Foundation
import Images
import NIOHTTP1
import OCI
import Synchronization
import Testing

@testable import Registry

/// Takes uploads as a registry does, and can be told to break them.
final class UploadServer: Sendable {
    struct State {
        var content = Content()
        var uploads: [String: [UInt8]] = [:]
        /// PATCHes that are cut off after half of their bytes were taken.
        var cuts = 0
        var mounts: Set<String> = []
        var forgets = false
    }
    let state = Mutex(State())

    func reply(_ asked: Asked) -> Reply { state.withLock { Self.reply(asked, &$0) } }

    private static func reply(_ asked: Asked, _ state: inout State) -> Reply {
        let query = asked.target.split(separator: "?").dropFirst().joined().replacing("%3A", with: ":")
        switch asked.method {
        case .HEAD, .GET:
            if let upload = state.uploads[asked.path] {
                return .status(204, [("Range", "0-\(max(0, upload.count - 1))"), ("Location", asked.path)])
            }
            return asked.path.contains("/uploads/") ? .status(404) : state.content.reply(asked)
        case .POST:
            if let mount = query.split(separator: "&").first(where: { $0.hasPrefix("mount=") }),
                state.mounts.contains(String(mount.dropFirst(6)))
            {
                return .status(201)
            }
            let place = "/v2/x/blobs/uploads/\(state.uploads.count + 1)"
            state.uploads[place] = []
            return .status(202, [("Location", place)])
        case .PATCH:
            guard let upload = state.uploads[asked.path] else { return .status(404) }
            guard asked.headers["Content-Range"].first?.hasPrefix("\(upload.count)-") == true else { return .status(416) }
            if state.cuts > 0 {
                state.cuts -= 1
                state.uploads[asked.path] = state.forgets ? nil : upload + asked.body.prefix(asked.body.count / 2)
                return .status(502)
            }
            state.uploads[asked.path] = upload + asked.body
            return .status(202, [("Location", asked.path)])
        case .PUT:
            if asked.path.contains("/manifests/") {
                let type = asked.headers["Content-Type"].first ?? ""
                state.content.add(manifest: asked.body, type: type, tag: asked.path.split(separator: "/").last.map(String.init))
                return .status(201, [("Docker-Content-Digest", "\(contentDigest(.sha256, asked.body))")])
            }
            guard let upload = state.uploads[asked.path] else { return .status(404) }
            let bytes = upload + asked.body
            guard query.contains("digest=\(contentDigest(.sha256, bytes))") else { return .status(400) }
            state.content.blobs["\(contentDigest(.sha256, bytes))"] = bytes
            return .status(201)
        default: return .status(405)
        }
    }
}

@Suite("pushing", .enabled(if: isRoot, "unpacking needs root"))
struct PushTests {
    private let layers = [bigLayer, tar([("small", [1, 2, 3])])]

    /// A store with one image, pulled from a server as `host/source:1`.
    private func pulled(_ server: TestServer, _ uploads: UploadServer, patience: Patience = .short) async throws -> (Fixture, TestImage) {
        let image = TestImage(layers: layers)
        let fixture = try Fixture(patience)
        uploads.state.withLock { $0.content.add(image, tag: "1") }
        _ = try await fixture.pull("\(server.host)/source:1")
        uploads.state.withLock { $0.content = Content() }
        return (fixture, image)
    }

    private func push(_ fixture: Fixture, _ source: String, _ target: String) async throws(RegistryError) -> Pushed {
        let reference = try Reference(target)
        return try await RegistryClient.with(RegistrySettings(), FixedCredentials(), patience: fixture.patience) {
            (client) throws(RegistryError) in
            try await Push(source, to: reference, client: client, store: fixture.store).run()
        }
    }

    @Test("what was pushed is what was pulled, byte for byte; the manifest goes last; the second time nothing is sent")
    func roundTrip() async throws {
        let uploads = UploadServer()
        let server = try await TestServer.start { uploads.reply($0) }
        let (fixture, image) = try await pulled(server, uploads)
        let pushed = try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2")
        #expect(pushed.digest == image.digest)
        #expect((pushed.sent, pushed.mounted) == (3, 0))
        let content = uploads.state.withLock { $0.content }
        #expect(content.manifests["2"]?.bytes == image.manifest)
        #expect(content.manifests["2"]?.type == MediaType.manifest)
        for (digest, bytes) in image.blobs { #expect(content.blobs["\(digest)"] == bytes) }
        #expect(server.asked.last?.path == "/v2/x/manifests/2")
        let again = try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2")
        #expect((again.sent, again.mounted) == (0, 0))
        await server.stop()
    }

    @Test("a blob that another repository of the registry has is not sent")
    func mounts() async throws {
        let uploads = UploadServer()
        let server = try await TestServer.start { uploads.reply($0) }
        let (fixture, image) = try await pulled(server, uploads)
        uploads.state.withLock { $0.mounts = ["\(contentDigest(.sha256, image.layers[0]))"] }
        let pushed = try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2")
        #expect((pushed.sent, pushed.mounted) == (2, 1))
        #expect(server.asked.contains { $0.method == .POST && $0.target.contains("from=source") })
        await server.stop()
    }

    @Test("a long blob goes in parts, and on from where a broken one ended; one that was forgotten begins again", arguments: [false, true])
    func parts(forgets: Bool) async throws {
        let uploads = UploadServer()
        let server = try await TestServer.start { uploads.reply($0) }
        var patience = Patience.short
        patience.uploadPart = 40_000
        let (fixture, image) = try await pulled(server, uploads, patience: patience)
        uploads.state.withLock { ($0.cuts, $0.forgets) = (2, forgets) }
        let pushed = try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2")
        #expect(pushed.sent == 3)
        for (digest, bytes) in image.blobs { #expect(uploads.state.withLock { $0.content.blobs["\(digest)"] } == bytes) }
        #expect(server.asked.count { $0.method == .PATCH } >= 9)
        await server.stop()
    }

    @Test("a push that is refused says so and sends no manifest")
    func refused() async throws {
        let uploads = UploadServer()
        let server = try await TestServer.start { uploads.reply($0) }
        let (fixture, _) = try await pulled(server, uploads)
        server.set { $0.method == .HEAD ? .status(404) : .status(403) }
        let error = await failure { () throws(RegistryError) in try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2") }
        #expect(error?.description == "push \(server.host)/x:2: access denied (403): the registry does not say why")
        #expect(!server.asked.contains { $0.method == .PUT })
        #expect(
            await failure { () throws(RegistryError) in try await push(fixture, "nothing:1", "\(server.host)/x:2") }?.description
                == "find image nothing:1: no such image")
        await server.stop()
    }
}
