import Glibc
import Images
import LinuxSys
import NIOHTTP1
import OCI
import Synchronization
import Testing

@testable import Registry

/// An index of two images, of which the other one stands in a nested index, and an attestation.
private struct TestIndex {
    let host = TestImage(layers: [tar([("here", [1])]), bigLayer])
    let other = TestImage(layers: [bigLayer, tar([("there", [2])])], platform: Platform(os: "linux", architecture: "s390x"))
    let attestation: [UInt8]
    let statement = noise(500, seed: 7)
    let nested: [UInt8]
    let top: [UInt8]
    var digest: OCI.Digest { contentDigest(.sha256, top) }

    init() {
        func entry(_ bytes: [UInt8], _ platform: Platform) -> JSON {
            var descriptor = Descriptor(mediaType: MediaType.manifest, digest: contentDigest(.sha256, bytes), size: UInt64(bytes.count))
            descriptor.platform = platform
            return descriptor.json
        }
        func index(_ manifests: [JSON]) -> [UInt8] {
            (["schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(manifests)] as JSON).encoded(pretty: true)
        }
        attestation =
            ([
                "schemaVersion": 2, "mediaType": .string(MediaType.manifest),
                "config": TestImage.descriptor("application/vnd.oci.empty.v1+json", Array("{}".utf8)),
                "layers": [TestImage.descriptor("application/vnd.in-toto+json", statement)],
            ] as JSON).encoded()
        nested = index([entry(other.manifest, Platform(os: "linux", architecture: "s390x"))])
        top = index([
            entry(attestation, Platform(os: "unknown", architecture: "unknown")), entry(host.manifest, .host),
            TestImage.descriptor(MediaType.index, nested),
        ])
    }

    /// As tag 1, all of it.
    var content: Content {
        var content = Content()
        content.add(host)
        content.add(other)
        content.add(manifest: attestation, type: MediaType.manifest)
        for blob in [statement, Array("{}".utf8)] { content.blobs["\(contentDigest(.sha256, blob))"] = blob }
        content.add(manifest: nested, type: MediaType.index)
        content.add(manifest: top, type: MediaType.index, tag: "1")
        return content
    }
}

private func file(_ path: String) throws -> FDBox { FDBox(try FD.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)) }

private func damage(_ path: String) throws { try FD.open(path, O_WRONLY).writeAll(Array("X".utf8)) }

@Suite("indexes as a whole", .enabled(if: isRoot, "unpacking needs root"))
struct IndexTests {
    private let index = TestIndex()

    private func push(
        _ fixture: Fixture, _ source: String, _ target: String, allPlatforms: Bool = false
    ) async throws(RegistryError) -> Pushed {
        let reference = try Reference(target)
        return try await RegistryClient.with(RegistrySettings(), FixedCredentials(), patience: fixture.patience) {
            (client) throws(RegistryError) in
            try await Push(source, to: reference, allPlatforms: allPlatforms, client: client, store: fixture.store).run()
        }
    }

    /// A server with the index as `/source:1`; what is pushed to it stands in `uploads`.
    private func start() async throws -> (TestServer, UploadServer) {
        let uploads = UploadServer()
        let content = index.content
        let server = try await TestServer.start { asked in
            asked.path.contains("/source/") ? content.reply(asked) : uploads.reply(asked)
        }
        return (server, uploads)
    }

    /// Whether a registry holds everything, byte for byte.
    private func expectWhole(_ content: Content, tag: String) {
        #expect(content.manifests[tag]?.bytes == index.top)
        for (name, manifest) in index.content.manifests where name.hasPrefix("sha256:") {
            #expect(content.manifests[name]?.bytes == manifest.bytes)
            #expect(content.manifests[name]?.type == manifest.type)
        }
        for (digest, bytes) in index.content.blobs { #expect(content.blobs[digest] == bytes) }
    }

    @Test("an index that was pulled for all platforms is pushed as it is, each document behind what it names")
    func roundTrip() async throws {
        let (server, uploads) = try await start()
        let fixture = try Fixture()
        let pulled = try await fixture.pull("\(server.host)/source:1", allPlatforms: true)
        #expect(pulled.digest == index.digest)
        #expect(pulled.image.manifest == "\(index.host.digest)")
        // Two layers; beside them the other image's configuration and its own layer, and the attestation's empty configuration and statement.
        #expect((pulled.layers, pulled.fetched, pulled.manifests) == (2, 6, 3))
        let pushed = try await push(fixture, "\(server.host)/source:1", "\(server.host)/x:2", allPlatforms: true)
        #expect((pushed.digest, pushed.manifests, pushed.missing) == (index.digest, 3, []))
        expectWhole(uploads.state.withLock { $0.content }, tag: "2")
        let order = server.asked.filter { $0.method == .PUT && $0.path.contains("/manifests/") }.map(\.path)
        #expect(order.count == 5)
        #expect(order.last == "/v2/x/manifests/2")
        #expect(order.firstIndex(of: "/v2/x/manifests/\(index.other.digest)")! < order.count - 2)
        // Another name of the image has it too; its id stands for the image alone.
        _ = try fixture.store.tag("\(server.host)/source:1", as: "other:1")
        #expect(try await push(fixture, "other:1", "\(server.host)/x:3").digest == index.digest)
        let alone = try await push(fixture, pulled.image.id, "\(server.host)/x:4")
        #expect((alone.digest, alone.manifests) == (index.host.digest, nil))
        await server.stop()
    }

    @Test("what is missing of an index is named; the image is pushed alone, and the rest is brought by another pull")
    func partial() async throws {
        let (server, uploads) = try await start()
        let fixture = try Fixture()
        let name = "\(server.host)/source:1"
        _ = try await fixture.pull(name)
        let refused =
            await failure { () throws(RegistryError) in
                try await push(fixture, name, "\(server.host)/x:2", allPlatforms: true)
            }?.description ?? ""
        #expect(refused.hasPrefix("read index \(index.digest): the store has not all of "))
        #expect(refused.contains("unknown/unknown \(contentDigest(.sha256, index.attestation))"))
        #expect(refused.contains("\(contentDigest(.sha256, index.nested))") || refused.contains("linux/s390x \(index.other.digest)"))
        #expect(!refused.contains("\(index.host.digest)"))
        let alone = try await push(fixture, name, "\(server.host)/x:2")
        #expect((alone.digest, alone.manifests, alone.missing.count) == (index.host.digest, nil, 2))
        #expect(uploads.state.withLock { $0.content.manifests["2"]?.bytes } == index.host.manifest)
        let again = try await fixture.pull(name, allPlatforms: true)
        #expect(again.fetched == 4)
        #expect(try await push(fixture, name, "\(server.host)/x:2", allPlatforms: true).digest == index.digest)
        // A pull for this machine alone takes nothing away.
        _ = try await fixture.pull(name)
        #expect(try await push(fixture, name, "\(server.host)/x:5").manifests == 3)
        await server.stop()
    }

    @Test(
        "saved and loaded, an index keeps its digest; without being asked for it is left out",
        arguments: [ArchiveFormat.ociDirectory, .ociArchive])
    func archives(_ format: ArchiveFormat) async throws {
        let (server, uploads) = try await start()
        let (first, second) = (try Fixture(), try Fixture())
        let name = "\(server.host)/source:1"
        _ = try await first.pull(name, allPlatforms: true)
        let path = first.temporary("saved")
        if format == .ociDirectory {
            try first.store.save([name], allPlatforms: true, toDirectory: path)
        } else {
            try first.store.save([name], as: format, allPlatforms: true, toTar: file(path), named: path)
        }
        #expect(try second.store.load(path, name: nil, allPlatforms: true, progress: nil).map(\.manifest) == ["\(index.host.digest)"])
        #expect(try second.store.check(.trees, repair: false) == [])
        #expect(try await push(second, name, "\(server.host)/x:2", allPlatforms: true).digest == index.digest)
        expectWhole(uploads.state.withLock { $0.content }, tag: "2")
        let third = try Fixture()
        _ = try third.store.load(path, name: nil, progress: nil)
        #expect(throws: ImageError.self) { try third.store.wholeIndex(name, for: "save") }
        #expect(try third.store.storedIndex(name)?.missing.count == 2)
        await server.stop()
    }

    @Test("content for other machines goes with the last name, damage to it costs only the index")
    func goes() async throws {
        let (server, _) = try await start()
        let fixture = try Fixture()
        let name = "\(server.host)/source:1"
        _ = try await fixture.pull(name, allPlatforms: true)
        let blob = contentDigest(.sha256, index.statement)
        try damage(fixture.temporary("store/blobs/sha256/\(blob.hex)"))
        let found = try fixture.store.check(.blobs, repair: true)
        #expect(found.count == 2 && found.allSatisfy(\.isRepaired), "\(found)")  // two names: the tag's and the digest's
        #expect(try fixture.store.storedIndex(name) == nil)
        #expect(try fixture.store.check(.blobs, repair: false) == [])
        _ = try fixture.store.collectGarbage(.none)
        _ = try await fixture.pull(name, allPlatforms: true)
        #expect(try fixture.store.storedIndex(name)?.missing == [])
        try fixture.store.removeImage(name)
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("content that is not what its digest says is refused, and nothing is left")
    func lies() async throws {
        var content = index.content
        let blob = "\(contentDigest(.sha256, index.statement))"
        content.blobs[blob] = noise(500, seed: 8)
        let served = content
        let server = try await TestServer.start { served.reply($0) }
        let fixture = try Fixture()
        let error = await failure { () throws(RegistryError) in try await fixture.pull("\(server.host)/source:1", allPlatforms: true) }
        #expect(error?.description.hasPrefix("verify blob \(blob): digest \(blob) expected") == true, "\(error as Any)")
        #expect(fixture.leftovers == [])
        await server.stop()
    }

    @Test("what is too much of an index is refused before it is brought")
    func excess() {
        var planned = PlannedIndex()
        func digest(_ number: Int) -> OCI.Digest { contentDigest(.sha256, Array("\(number)".utf8)) }
        func descriptor(_ number: Int) -> Descriptor { Descriptor(mediaType: "x", digest: digest(number), size: 1) }
        for number in 0..<256 { planned.add(.init([], digest(number))) }
        planned.add(.init([], digest(0)))
        planned.add(content: (256..<256 + 16_384).map(descriptor) + [descriptor(256)])
        #expect(planned.excess == nil)
        var long = planned
        planned.add(.init([], digest(-1)))
        #expect(planned.excess == "its index has more than 256 manifests and indexes")
        long.add(content: [descriptor(-2)])
        #expect(long.excess == "its index has more than 16384 blobs")
        var big = PlannedIndex()
        for number in 0..<9 { big.add(.init([UInt8](repeating: 0, count: 4 << 20), digest(number))) }
        #expect(big.excess == "the manifests of its index are more than 33554432 bytes")
    }
}
