import Foundation
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

private let one = TarWriter([.directory("./"), .directory("etc"), .file("etc/a", "1"), .file("gone", "x")]).bytes
private let two = TarWriter([.file("etc/b", "2"), .file(".wh.gone", ""), .directory("made/by/nobody")]).bytes

/// Marks and directories that no entry describes are from now.
private func isDated(_ line: String) -> Bool { !line.hasPrefix("/made") && !line.hasPrefix("/gone") }

@Suite("collection and repair", .enabled(if: isRoot, "owners and overlay marks need root")) struct CollectionTests {
    let scratch: Temporary
    let store: Store

    init() throws {
        scratch = try Temporary()
        store = try Store(root: scratch("root"))
    }

    private func load(_ layers: [[UInt8]], _ name: String) throws -> ImageRecord {
        try store.load(scratch.write("a.tar", dockerArchive(layers: layers, tags: [name])), name: nil, progress: nil)[0]
    }

    private func blobs() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/blobs/sha256")) }
    private func layers() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/overlay/layers")) }

    @Test("a collection takes what nothing refers to: unnamed images, then all that no container uses")
    func images() throws {
        let old = try load([one], "app:1")
        let new = try load([one, two], "app:1")
        #expect(try store.image(old.id).names.isEmpty)
        #expect(try store.collectGarbage(.none) == Collected())
        let collected = try store.collectGarbage(.unnamed)
        #expect(collected.images == [old.shortID] && collected.snapshots == 0)
        #expect(try store.images().map(\.id) == [new.id])
        _ = try store.prepare(container: "c", image: new)
        #expect(try store.collectGarbage(.all).images.isEmpty)
        try store.discard(container: "c")
        #expect(try store.collectGarbage(.all, before: new.loaded).images.isEmpty)
        let rest = try store.collectGarbage(.all)
        #expect(rest.images == ["app:1"] && rest.snapshots == 2 && rest.bytes > 0)
        #expect(try blobs().isEmpty && layers().isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/tmp").isEmpty)
    }

    @Test("a lease keeps blobs and snapshots with all that is below, until it is released or its time is up")
    func leases() throws {
        let image = try load([one, two], "app:1")
        let top = try #require(Digest(image.chain[1]))
        let lease = try store.lease("a test", seconds: 3600)
        try store.add(snapshot: top, to: lease)
        try store.add(blob: try #require(Digest(image.manifest)), to: lease)
        try store.removeImage("app:1")
        #expect(try layers().count == 2)
        #expect(try blobs() == [Store.hex(image.manifest)])
        let usage = try store.usage { _ in false }
        #expect(usage.leases == [lease] && usage.details.filter(\.isLeased).count == 2)
        // What is there is not unpacked again.
        _ = try load([one, two], "app:2")
        try store.removeImage("app:2")
        try store.release(lease)
        try store.release(lease)
        #expect(try store.collectGarbage(.none).snapshots == 2)
        #expect(try blobs().isEmpty && layers().isEmpty)
        #expect(throws: ImageError.notFound(kind: .lease, name: lease.id)) { try store.add(snapshot: top, to: lease) }
        let short = try store.lease("nothing", seconds: 0)
        try store.add(snapshot: top, to: short)
        #expect(try store.collectGarbage(.none).leases == 1)
        #expect(try store.leases().isEmpty)
    }

    @Test("under pressure unnamed images go, oldest first, and no others")
    func pressure() throws {
        let old = try load([one], "app:1")
        let named = try load([one, two], "app:1")
        #expect(try store.collectUnderPressure(percent: 100) == Collected())
        #expect(try store.images().count == 2)
        // Every disk is fuller than that.
        #expect(try store.collectUnderPressure(percent: -1).images == [old.shortID])
        #expect(try store.images().map(\.id) == [named.id])
    }

    @Test("what is used counts each layer once and says what can be had back")
    func usage() throws {
        let small = try load([one], "small:1")
        _ = try load([one, two], "big:1")
        _ = try store.prepare(container: "c", image: small)
        let usage = try store.usage { $0 == "c" }
        #expect(usage.images == (2, 1))
        #expect(usage.layers.total == 2 && usage.layers.active == 1 && usage.layers.reclaimable < usage.layers.bytes)
        #expect(usage.details.map(\.images) == [2, 1] && usage.details.map(\.containers) == [1, 0])
        #expect(usage.containers.total == 1 && usage.containers.active == 1)
        #expect(usage.work.total == 0)
        try store.discard(container: "c")
    }

    private func mend(_ depth: CheckDepth = .blobs) throws -> [Finding] {
        let found = try store.check(depth, repair: false)
        let repaired = try store.check(depth, repair: true)
        #expect(found.map(\.subject) == repaired.map(\.subject) && found.allSatisfy { $0.outcome == .found })
        #expect(try store.check(depth, repair: false).count == repaired.filter { !$0.isRepaired }.count)
        return repaired
    }

    @Test("a store that is whole is found to be so, trees too")
    func whole() throws {
        _ = try load([one, two], "app:1")
        #expect(try store.check(.trees, repair: false).isEmpty)
        #expect(try Store(root: scratch("empty")).check(.trees, repair: false).isEmpty)
    }

    @Test("links, notes and the index are made again from the records")
    func notes() throws {
        let image = try load([one, two], "app:1")
        let top = "\(store.root)/overlay/layers/\(Store.hex(image.chain[1]))"
        let link = try String(contentsOfFile: "\(top)/link", encoding: .utf8)
        for path in ["overlay/l/\(link)", "index.json"] { try FileManager.default.removeItem(atPath: "\(store.root)/\(path)") }
        for path in ["lower", "work"] { try FileManager.default.removeItem(atPath: "\(top)/\(path)") }
        try Data("wrong".utf8).write(to: URL(fileURLWithPath: "\(top)/link"))
        let findings = try mend()
        #expect(findings.count == 5 && findings.allSatisfy(\.isRepaired))
    }

    @Test("a snapshot that is missing or changed is unpacked again, but not below a container")
    func trees() throws {
        let image = try load([one, two], "app:1")
        let wanted = try describeTree("\(store.root)/overlay/layers/\(Store.hex(image.chain[1]))/diff")
        let file = "\(store.root)/overlay/layers/\(Store.hex(image.chain[1]))/diff/etc/b"
        try Data("X".utf8).write(to: URL(fileURLWithPath: file))
        #expect(try store.check(.blobs, repair: false).isEmpty)
        _ = try store.prepare(container: "c", image: image)
        #expect(try store.check(.trees, repair: true).map(\.outcome) == [.kept("container c uses it")])
        try store.discard(container: "c")
        let findings = try mend(.trees)
        #expect(findings.map(\.what) == ["/etc/b is not as the layer says"] && findings[0].isRepaired)
        try FileManager.default.removeItem(atPath: "\(store.root)/overlay/layers/\(Store.hex(image.chain[0]))/diff")
        #expect(try mend().map(\.what) == ["its files (diff) are missing"])
        #expect(try store.check(.trees, repair: false).isEmpty)
        let again = try describeTree("\(store.root)/overlay/layers/\(Store.hex(image.chain[1]))/diff")
        #expect(differences(wanted.filter(isDated), again.filter(isDated)).isEmpty)
    }

    @Test("an image whose blob is damaged or gone is removed, unless a container uses it")
    func damagedBlobs() throws {
        let image = try load([one, two], "app:1")
        let other = try load([TarWriter([.file("other", "x")]).bytes], "other:1")
        let layer = try store.manifest(image.manifest).layers[0].digest
        let path = "\(store.root)/blobs/sha256/\(layer.hex)"
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: 600)
        try file.write(contentsOf: Data([0xff]))
        try file.close()
        #expect(try store.check(.structure, repair: false).isEmpty)
        _ = try store.prepare(container: "c", image: image)
        let kept = try store.check(.blobs, repair: true)
        #expect(
            kept.count == 1 && kept[0].what.contains("its content is that of") && kept[0].outcome == .kept("a container uses the image"))
        try store.discard(container: "c")
        try FileManager.default.removeItem(atPath: path)
        #expect(try store.check(.structure, repair: false).map(\.what) == ["it is missing"])
        #expect(try store.check(.blobs, repair: true).filter { $0.subject.hasPrefix("blob") }.map(\.isRepaired) == [true])
        _ = try store.collectGarbage(.none)
        #expect(try store.check(.trees, repair: false).isEmpty)
        #expect(try store.images().map(\.id) == [other.id])
    }

    @Test("the init layer of the second container is that of the first, and of a link in /etc it is where that leads")
    func initLayers() throws {
        let image = try load(
            [
                TarWriter([
                    .directory("./", mode: 0o711, uid: 5, mtime: 7), .symlink("etc", to: "usr/own"), .directory("usr"),
                    .directory("usr/own", mode: 0o2750, uid: 3, mtime: 9), .directory("usr/own/hosts"),
                ]).bytes
            ], "app:1")
        var trees: [[String]] = []
        for id in ["first", "second"] {
            let root = try store.prepare(container: id, image: image, identity: ContainerIdentity(hostname: "box"))
            #expect(try store.containerRoot(id) == root)
            trees.append(
                try describeTree(root.initDir).map {
                    $0.replacingOccurrences(of: " [0-9]{5,}\\.[0-9]+", with: "", options: .regularExpression)
                })
            #expect(try String(contentsOfFile: "\(root.initDir)/usr/own/hostname", encoding: .utf8) == "box\n")
            #expect(try describeTree(root.upperDir)[0].hasPrefix("/ directory 711 5:0 7.0"))
        }
        #expect(trees[0] == trees[1])
        #expect(trees[0].contains { $0.hasPrefix("/usr/own directory 2750 3:0") })
        for id in ["first", "second"] { try store.discard(container: id) }
    }
}
