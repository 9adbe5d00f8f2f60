import Foundation
import Images
import NIOHTTP1
import OCI
import Synchronization
import Testing

@testable import Registry

@Suite("pulling", .enabled(if: isRoot, "unpacking needs root"))
struct PullTests {
    private let base = bigLayer

    private func image(_ top: String = "top", docker: Bool = false) -> TestImage {
        TestImage(layers: [base, tar([("top.txt", Array(top.utf8))])], docker: docker)
    }

    private func serving(_ content: Content) async throws -> TestServer { try await TestServer.start { content.reply($0) } }

    @Test("an image comes with its files, by tag and by digest", arguments: [false, true])
    func whole(docker: Bool) async throws {
        let image = image(docker: docker)
        var content = Content()
        content.add(image, tag: "1", type: docker ? MediaType.dockerManifest : MediaType.manifest)
        let server = try await serving(content)
        let fixture = try Fixture()
        let pulled = try await fixture.pull("\(server.host)/team/app:1")
        #expect(pulled.digest == image.digest)
        #expect(pulled.image.manifest == "\(image.digest)")
        #expect(pulled.image.names == ["\(server.host)/team/app:1", "\(server.host)/team/app@\(image.digest)"])
        #expect((pulled.layers, pulled.fetched) == (2, 2))
        #expect(fixture.file("big", of: pulled.image) == bigFile)
        #expect(fixture.file("top.txt", of: pulled.image) == Array("top".utf8))
        for name in ["\(server.host)/team/app:1", "\(server.host)/team/app@\(image.digest)", "\(server.host)/team/app:9@\(image.digest)"] {
            #expect(try fixture.store.image(name).id == pulled.image.id)
        }
        #expect(server.asked.first?.headers["Accept"].first?.contains(MediaType.dockerManifest) == true)
        #expect(fixture.temporary.entries("store/tmp") == [])
        // With the name that has a tag the image goes; the one with the digest does not keep it.
        try fixture.store.removeImage("\(server.host)/team/app:1")
        #expect(try fixture.store.images().isEmpty)
        await server.stop()
    }

    @Test("layers that are there are not fetched; a second pull fetches nothing but the manifest and configuration")
    func lazy() async throws {
        var content = Content()
        content.add(image(), tag: "1")
        content.add(image("other"), tag: "2")
        let server = try await serving(content)
        let fixture = try Fixture()
        _ = try await fixture.pull("\(server.host)/x:1")
        let second = try await fixture.pull("\(server.host)/x:2")
        #expect((second.layers, second.fetched) == (2, 1))
        let baseDigest = "\(contentDigest(.sha256, base))"
        #expect(server.asked.count { $0.path.hasSuffix(baseDigest) } == 1)
        let before = server.asked.count
        let again = try await fixture.pull("\(server.host)/x:2")
        #expect(again.fetched == 0)
        #expect(server.asked.count == before + 2)
        #expect(try fixture.store.images().count == 2)
        await server.stop()
    }

    @Test("a layer that is twice in an image is brought once and unpacked at both places")
    func twice() async throws {
        let image = TestImage(layers: [base, tar([("t", [1])]), base])
        var content = Content()
        content.add(image, tag: "1")
        let server = try await serving(content)
        let fixture = try Fixture()
        let pulled = try await fixture.pull("\(server.host)/x:1")
        #expect((pulled.layers, pulled.fetched, pulled.image.chain.count) == (3, 2, 3))
        #expect(fixture.file("t", of: pulled.image) == [1])
        #expect(server.asked.count { $0.path.hasSuffix("\(contentDigest(.sha256, base))") } == 1)
        await server.stop()
    }

    @Test(
        "a download that breaks goes on from where it was, with a server that knows of ranges and with one that does not",
        arguments: [true, false])
    func resume(ranges: Bool) async throws {
        let image = image()
        var content = Content()
        content.add(image, tag: "1")
        let big = "\(contentDigest(.sha256, base))"
        let cuts = Mutex(0)
        let server = try await TestServer.start { [content] asked in
            var asked = asked
            if !ranges { asked = Asked(method: asked.method, target: asked.target, headers: [:], body: []) }
            var reply = content.reply(asked)
            if asked.path.hasSuffix(big),
                cuts.withLock({
                    $0 += 1
                    return $0 <= 2
                })
            {
                reply.headers.append(("Content-Length", "\(reply.body.count)"))
                reply.cut = reply.body.count / 2
            }
            return reply
        }
        let fixture = try Fixture()
        let pulled = try await fixture.pull("\(server.host)/x:1")
        #expect(fixture.file("big", of: pulled.image) == bigFile)
        let ranges = server.asked.filter { $0.path.hasSuffix(big) }.map { $0.headers["Range"].first }
        #expect(ranges.count == 3)
        #expect(ranges[0] == nil)
        #expect(ranges[1] == "bytes=\(base.count / 2)-")
        await server.stop()
    }

    @Test("a layer that is not what its digest says leaves nothing")
    func wrongDigest() async throws {
        let image = image()
        var content = Content()
        content.add(image, tag: "1")
        var wrong = base
        wrong[600] ^= 1
        content.blobs["\(contentDigest(.sha256, base))"] = wrong
        let server = try await serving(content)
        let fixture = try Fixture()
        let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:1") }
        #expect(
            error
                == .store(
                    .digestMismatch(
                        subject: "layer \(contentDigest(.sha256, base))", wanted: "\(contentDigest(.sha256, base))",
                        found: "\(contentDigest(.sha256, wrong))")))
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("manifests and configurations are what their digests say, or an error")
    func wrongDocuments() async throws {
        let (image, other) = (image(), image("other"))
        var content = Content()
        content.add(image, tag: "1")
        content.manifests["\(image.digest)"] = (other.manifest, MediaType.manifest)
        content.blobs["\(contentDigest(.sha256, image.config))"] = image.config.map { $0 == 0x78 ? 0x79 : $0 }
        let server = try await serving(content)
        let fixture = try Fixture()
        for name in ["x@\(image.digest)", "x:1"] {
            let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/\(name)") }
            guard case .digestMismatch? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("the size of a descriptor is the law: more bytes, fewer bytes and a manifest without end are errors")
    func sizes() async throws {
        let image = image()
        let big = "\(contentDigest(.sha256, base))"
        var content = Content()
        content.add(image, tag: "1")
        content.manifests["huge"] = ([UInt8](repeating: 0x20, count: Manifest.limit + 1), MediaType.manifest)
        let fixture = try Fixture()
        let server = try await serving(content)
        let huge = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:huge") }
        #expect(huge?.description == "pull \(server.host)/x:huge: the manifest is longer than \(Manifest.limit) bytes")
        for (count, wanted) in [(base.count + 1, "its descriptor says"), (base.count - 1, "its descriptor says")] {
            var other = content
            other.blobs[big] = Array((base + [0]).prefix(count))
            server.set { [other] in other.reply($0) }
            let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:1") }
            #expect(error?.description.contains(wanted) == true, "\(String(describing: error))")
        }
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("sizes that no disk holds are refused before a byte is fetched")
    func hugeSizes() async throws {
        let image = TestImage(layers: [base, tar([("t", [1])]), tar([("u", [1])])])
        let text = String(decoding: image.manifest, as: UTF8.self)
        var content = Content()
        content.add(image)
        var huge = text
        for layer in image.layers { huge = huge.replacing("\"size\":\(layer.count)", with: "\"size\":\(Int64.max)") }
        content.add(manifest: Array(huge.utf8), type: MediaType.manifest, tag: "1")
        let server = try await serving(content)
        let fixture = try Fixture()
        let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:1") }
        #expect(error?.description.contains("needs at least \(UInt64.max) bytes") == true, "\(String(describing: error))")
        #expect(server.asked.count == 2)
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("what a pull relies on is not collected while the rest comes")
    func leased() async throws {
        var content = Content()
        content.add(image(), tag: "1")
        content.add(image("other"), tag: "2")
        let top = "\(contentDigest(.sha256, image("other").layers[1]))"
        let fixture = try Fixture()
        let host = Mutex("")
        let removed = Mutex(false)
        let server = try await TestServer.start { [content] asked in
            // In the middle of the second pull the first image goes.
            if asked.path.hasSuffix(top) {
                try? fixture.store.removeImage("\(host.withLock { $0 })/x:1")
                removed.withLock { $0 = ((try? fixture.store.images()) ?? []).isEmpty }
            }
            return content.reply(asked)
        }
        host.withLock { $0 = server.host }
        _ = try await fixture.pull("\(server.host)/x:1")
        let pulled = try await fixture.pull("\(server.host)/x:2")
        #expect(removed.withLock { $0 })
        #expect(pulled.fetched == 1)
        #expect(fixture.file("big", of: pulled.image) == bigFile)
        #expect(try fixture.store.leases().isEmpty)
        await server.stop()
    }

    @Test("of an index the image for the platform is taken, through nested indexes, past what is no image")
    func platforms() async throws {
        func image(_ text: String) -> TestImage {
            TestImage(layers: [tar([("for", Array(text.utf8))])], platform: Platform(parsing: text)!)
        }
        var content = Content()
        func entry(_ image: TestImage, _ platform: String) -> JSON {
            let p = Platform(parsing: platform)!
            guard case .object(var object) = TestImage.descriptor(MediaType.manifest, image.manifest) else { return .null }
            var described: JSONObject = ["os": .string(p.os), "architecture": .string(p.architecture)]
            if let variant = p.variant { described["variant"] = .string(variant) }
            object["platform"] = .object(described)
            return .object(object)
        }
        func index(_ manifests: [JSON]) -> [UInt8] {
            (["schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(manifests)] as JSON).encoded()
        }
        let images = ["linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64"].map { ($0, image($0)) }
        for (_, image) in images { content.add(image) }
        let nested = index(images.suffix(2).map { entry($0.1, $0.0) })
        content.add(manifest: nested, type: MediaType.index)
        let attestation: JSON = [
            "mediaType": .string(MediaType.manifest), "digest": .string("\(contentDigest(.sha256, [1]))"), "size": 1,
            "platform": ["os": "unknown", "architecture": "unknown"],
        ]
        let top = index([attestation] + images.prefix(2).map { entry($0.1, $0.0) } + [TestImage.descriptor(MediaType.index, nested)])
        content.add(manifest: top, type: MediaType.index, tag: "1")
        let server = try await serving(content)
        let fixture = try Fixture()
        for (wanted, found) in [
            ("linux/arm/v7", "linux/arm/v7"), ("linux/arm/v6", "linux/arm/v6"), ("linux/arm64", "linux/arm64/v8"),
            ("linux/amd64", "linux/amd64"),
        ] {
            let pulled = try await fixture.pull("\(server.host)/x:1", platform: Platform(parsing: wanted)!)
            #expect(fixture.file("for", of: pulled.image) == Array(found.utf8))
            #expect(pulled.digest == contentDigest(.sha256, top))
        }
        let error = await failure { () throws(RegistryError) in
            try await fixture.pull("\(server.host)/x:1", platform: Platform(os: "linux", architecture: "s390x"))
        }
        #expect(error?.description.contains("no image for linux/s390x, only for") == true, "\(String(describing: error))")
        await server.stop()
    }

    @Test("artifacts, old formats and unknown types are refused by name")
    func refused() async throws {
        var content = Content()
        let helm: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.manifest),
            "config": TestImage.descriptor("application/vnd.cncf.helm.config.v1+json", [1]), "layers": [],
        ]
        let signature: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.manifest), "artifactType": "application/vnd.example.signature",
            "config": TestImage.descriptor("application/vnd.oci.empty.v1+json", Array("{}".utf8)), "layers": [],
        ]
        content.add(manifest: helm.encoded(), type: MediaType.manifest, tag: "helm")
        content.add(manifest: signature.encoded(), type: MediaType.manifest, tag: "signature")
        content.manifests["old"] = (
            Array(#"{"schemaVersion":1,"name":"x"}"#.utf8), "application/vnd.docker.distribution.manifest.v1+prettyjws"
        )
        content.manifests["page"] = (Array(#"{"a":1}"#.utf8), "text/html")
        content.manifests["both"] = (
            Array(#"{"schemaVersion":2,"mediaType":"\#(MediaType.index)","manifests":[]}"#.utf8), MediaType.manifest
        )
        content.manifests["broken"] = (Array("{".utf8), MediaType.manifest)
        var layers = (try JSON(parsing: image().manifest))
        if case .object(var object) = layers {
            object["layers"] = .array([
                TestImage.descriptor("application/vnd.example.squashfs", base), TestImage.descriptor(MediaType.layer, base),
            ])
            layers = .object(object)
        }
        content.add(image())
        content.add(manifest: layers.encoded(), type: MediaType.manifest, tag: "layers")
        let server = try await serving(content)
        let fixture = try Fixture()
        for (tag, wanted) in [
            ("helm", "an artifact of type `application/vnd.cncf.helm.config.v1+json`"),
            ("signature", "`application/vnd.example.signature`"),
            ("old", "schema 1"), ("page", "`text/html`"), ("both", "the registry calls it"), ("broken", "invalid JSON"),
            ("layers", "layer type `application/vnd.example.squashfs`"), ("none", "not found (404): manifest unknown"),
        ] {
            let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:\(tag)") }
            #expect(error?.description.contains(wanted) == true, "\(tag): \(String(describing: error))")
        }
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("a cancelled pull leaves nothing")
    func cancelled() async throws {
        let image = image()
        let big = "\(contentDigest(.sha256, base))"
        var content = Content()
        content.add(image, tag: "1")
        let server = try await TestServer.start { [content] asked in
            var reply = content.reply(asked)
            if asked.path.hasSuffix(big) {
                reply.headers.append(("Content-Length", "\(reply.body.count)"))
                reply.stall = 290_000
            }
            return reply
        }
        let fixture = try Fixture()
        let (started, isStarted) = AsyncStream.makeStream(of: Void.self)
        let host = server.host
        let task = Task { () -> RegistryError? in
            await failure { () throws(RegistryError) in
                try await fixture.pull("\(host)/x:1") { step in
                    if step.subject == big, step.done >= 262_144 { isStarted.yield() }
                }
            }
        }
        for await _ in started { break }
        #expect(fixture.temporary.entries("store/tmp").count == 1)
        task.cancel()
        #expect(await task.value == .cancelled(.init("pull", "\(server.host)/x:1")))
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("a server from which nothing comes any more is given up, and said so")
    func stalled() async throws {
        let image = image()
        var content = Content()
        content.add(image, tag: "1")
        let server = try await TestServer.start { [content] asked in
            var reply = content.reply(asked)
            if asked.path.contains("/blobs/") {
                reply.headers.append(("Content-Length", "\(reply.body.count)"))
                reply.stall = 1
            }
            return reply
        }
        var patience = Patience.short
        patience.idleMilliseconds = 100
        patience.retries = 1
        let fixture = try Fixture(patience)
        let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/x:1") }
        #expect(error?.description == "pull \(server.host)/x:1: http://\(server.host): nothing comes any more")
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("several pulls of one image at once end well")
    func together() async throws {
        var content = Content()
        content.add(image(), tag: "1")
        let server = try await serving(content)
        let fixture = try Fixture()
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try await fixture.pull("\(server.host)/x:1").image.id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(fixture.temporary.entries("store/tmp") == [])
        await server.stop()
    }
}
