import Foundation
import GRDB
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

/// The files of a store that are left when nothing is loaded: what a failed load may not add to.
private func residue(_ root: String) throws -> [String] {
    try ["tmp", "overlay/layers", "overlay/l", "overlay/containers", "blobs/sha256"].flatMap { directory in
        try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(directory)").map { "\(directory)/\($0)" }
    }
}

private let layer = TarWriter([
    .directory("./"), .directory("etc"), .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), .file("bin", "x"),
]).bytes
private let second = TarWriter([.file("etc/more", "1"), .file(".wh.bin", "")]).bytes

@Suite("store", .enabled(if: isRoot, "owners and overlay marks need root")) struct StoreTests {
    let scratch: Temporary
    let store: Store

    init() throws {
        scratch = try Temporary()
        store = try Store(root: scratch("root"))
    }

    @Test("a change that is to outlive a power cut flushes the log of the database, another does not, and one that throws leaves nothing")
    func durability() throws {
        let read = { (database: Database) in try Int.fetchOne(database, sql: "PRAGMA synchronous") }
        // 1 is NORMAL, 2 is FULL (SQLite's pragma.html, "synchronous").
        #expect(try store.records.write("a", surviving: .processDeath, read) == 1)
        #expect(try store.records.write("b", surviving: .powerLoss, read) == 2)
        #expect(try store.records.write("c", read) == 2)
        let lease = try store.lease("kept", seconds: 60)
        #expect(throws: ImageError.notFound(kind: .lease, name: "x")) {
            try store.records.write("d") { database in
                try database.execute(sql: "DELETE FROM lease")
                throw ImageError.notFound(kind: .lease, name: "x")
            }
        }
        #expect(try store.leases() == [lease])
    }

    @Test("a saved archive is loaded, found by every form of its name, and its blobs are an image layout")
    func load() throws {
        let images = try store.load(
            scratch.write("a.tar", dockerArchive(layers: [layer, second], tags: ["busybox:1", "quay.io/a/b:2"])), name: nil, progress: nil)
        #expect(images.count == 1)
        #expect(images[0].names == ["docker.io/library/busybox:1", "quay.io/a/b:2"])
        for name in [
            "busybox:1", "docker.io/library/busybox:1", "quay.io/a/b:2", images[0].id, images[0].shortID,
            String(images[0].shortID.prefix(5)),
        ] {
            #expect(try store.image(name).id == images[0].id)
        }
        #expect(throws: ImageError.notFound(kind: .image, name: "busybox")) { try store.image("busybox") }
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/blobs/sha256") {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(store.root)/blobs/sha256/\(name)")))
            #expect(StreamHash.digest(.sha256, of: bytes).hex == name)
        }
        let index = try Index(json: JSON(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(store.root)/index.json")))))
        #expect(index.manifests.count == 2)
        #expect(try FD.open(store.root, O_RDONLY).status()?.mode == 0o700)
        // The same again, and by another process of the same store.
        #expect(
            try Store(root: store.root).load(scratch("a.tar"), name: "other", progress: nil)[0].names.contains(
                "docker.io/library/other:latest"))
        #expect(try store.images().count == 1)
    }

    @Test("names: an archive's own, the caller's, or the file's")
    func names() throws {
        let path = try scratch.write("My_Image 2.tar.gz", dockerArchive(layers: [layer], tags: []))
        #expect(try store.load(path, name: nil, progress: nil)[0].names == ["docker.io/library/my-image-2:latest"])
        #expect(try store.load(path, name: "x/y:z", progress: nil)[0].names.contains("docker.io/x/y:z"))
        #expect(throws: ImageError.self) { try store.load(path, name: "Not A Name", progress: nil) }
        // A name goes to the newest image that has it.
        let other = try store.load(scratch.write("b.tar", dockerArchive(layers: [second], tags: ["x/y:z"])), name: nil, progress: nil)[0]
        #expect(try store.image("x/y:z").id == other.id)
    }

    @Test("an archive that is cut off anywhere, or changed, leaves nothing behind")
    func damaged() throws {
        let whole = dockerArchive(layers: [layer, second])
        let before = try residue(store.root)
        for length in stride(from: 0, to: whole.count - 1024, by: 512) {
            let path = try scratch.write("cut.tar", Array(whole.prefix(length)))
            #expect(throws: ImageError.self, "at \(length)") { try store.load(path, name: nil, progress: nil) }
        }
        let path = try scratch.write(
            "tampered.tar",
            dockerArchive(layers: [layer, second]) { layer in
                var bytes = layer
                bytes[bytes.count / 2] ^= 1
                return bytes
            })
        #expect { try store.load(path, name: nil, progress: nil) } throws: {
            if case ImageError.digestMismatch = $0 { true } else { false }
        }
        let evil = try scratch.write("evil.tar", dockerArchive(layers: [TarWriter([.file("../../evil", "x")]).bytes]))
        #expect { try store.load(evil, name: nil, progress: nil) } throws: { "\($0)".contains("leads out of the root") }
        #expect(throws: ImageError.self) { try store.load(scratch("missing.tar"), name: nil, progress: nil) }
        #expect(try residue(store.root) == before)
        #expect(try store.images().isEmpty)
    }

    @Test("a tampered archive of an image that is there already is refused too")
    func tamperedAgain() throws {
        _ = try store.load(scratch.write("a.tar", dockerArchive(layers: [layer])), name: nil, progress: nil)
        let bad = try scratch.write("b.tar", dockerArchive(layers: [layer]) { [UInt8](repeating: 0, count: $0.count) })
        #expect(throws: ImageError.self) { try store.load(bad, name: nil, progress: nil) }
    }

    @Test(
        "archives packed as a whole by gzip or zstd are read", .enabled(if: hasTools("gzip", "zstd"), "gzip and zstd make the archives"),
        arguments: ["gzip", "zstd"])
    func packed(_ tool: String) throws {
        let path = try scratch.write("a.packed", try run(tool, ["-c"], input: dockerArchive(layers: [layer, second])))
        #expect(try store.load(path, name: nil, progress: nil)[0].names == ["docker.io/test/image:1"])
    }

    @Test("a container's root has the image below, its own files between, and is gone after discard")
    func roots() throws {
        let image = try store.load(scratch.write("a.tar", dockerArchive(layers: [layer, second])), name: nil, progress: nil)[0]
        let root = try store.prepare(
            container: "c1", image: image, identity: ContainerIdentity(hostname: "box", resolvConf: "nameserver 1.2.3.4\n"))
        #expect(try store.containerRoot("c1") == root)
        #expect(root.lowerDirs.count == 2)
        #expect(throws: ImageError.exists(kind: .container, name: "c1")) { try store.prepare(container: "c1", image: image) }
        let point = scratch("point")
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
        try run("mount", ["-t", "overlay", "overlay", "-o", root.mounts[0].options.joined(separator: ","), point])
        let seen = try? String(contentsOfFile: "\(point)/etc/hostname", encoding: .utf8)
        let listing = Set(try FileManager.default.contentsOfDirectory(atPath: "\(point)/etc"))
        let top = Set(try FileManager.default.contentsOfDirectory(atPath: point))
        try run("umount", [point])
        #expect(seen == "box\n")
        #expect(listing == ["hostname", "hosts", "resolv.conf", "passwd", "more"])
        #expect(top == ["dev", "etc", "proc", "sys"])
        #expect(throws: ImageError.inUse(kind: .image, name: "test/image:1", by: "container c1")) { try store.removeImage("test/image:1") }
        try store.discard(container: "c1")
        try store.discard(container: "c1")
        try store.removeImage("test/image:1")
        #expect(try residue(store.root) == [])
    }

    @Test("layers that two images share stay until the last one goes")
    func shared() throws {
        let one = try store.load(scratch.write("a.tar", dockerArchive(layers: [layer], tags: ["one"])), name: nil, progress: nil)[0]
        _ = try store.load(scratch.write("b.tar", dockerArchive(layers: [layer, second], tags: ["two"])), name: nil, progress: nil)
        try store.removeImage("two")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/overlay/layers") == [Store.hex(one.chain[0])])
        try store.removeImage(one.shortID)
        #expect(try residue(store.root) == [])
    }

    @Test("two loads of one archive at once both succeed and leave one image")
    func together() async throws {
        let path = try scratch.write("a.tar", dockerArchive(layers: [layer, second]))
        let root = store.root
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<4 { group.addTask { try Store(root: root).load(path, name: nil, progress: nil)[0].id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(try store.images().count == 1)
        #expect(try residue(root).filter { $0.hasPrefix("overlay/layers") }.count == 2)
        #expect(try residue(root).filter { $0.hasPrefix("tmp") }.isEmpty)
    }

    @Test("what a dead process left is swept away, what a living one works on is not")
    func sweep() throws {
        let living = try Scratch(store.layout)
        for directory in ["tmp/dead/layer-0/diff", "overlay/layers/0123/diff", "overlay/containers/gone/init"] {
            try FileManager.default.createDirectory(atPath: "\(store.root)/\(directory)", withIntermediateDirectories: true)
        }
        let before = try residue(store.root).count
        #expect(before == 4)
        _ = try Store(root: store.root)
        #expect(try residue(store.root).count == 1)
        #expect(try living.directory.fd.entries().isEmpty)
    }

    @Test("containers and pods are kept, found by id, name and prefix, and their names are taken once")
    func recordsOfContainers() throws {
        var one = ContainerRecord(id: "abc123", name: "web", image: "i", imageID: "sha256:0", created: 2, bundle: "/b")
        one.command = ["sh", "-c", "exit 7"]
        one.labels = ["a": "b"]
        one.extra = ["log": "/x"]
        try store.save(one)
        try store.save(one)
        var two = ContainerRecord(id: "abd456", name: "web", image: "i", imageID: "sha256:0", created: 1, bundle: "/b")
        #expect(throws: ImageError.exists(kind: .container, name: "web")) { try store.save(two) }
        two.sandbox = "pod1"
        two.attempt = 3
        try store.save(two)
        #expect(try store.containers() == [two, one])
        #expect(try store.container("abc") == one)
        #expect(throws: ImageError.ambiguous(kind: .container, name: "ab")) { try store.container("ab") }
        try store.remove(container: one.id)
        try store.remove(container: one.id)
        #expect(try store.container("web") == two)
        let pod = PodRecord(id: "p1", name: "n", namespace: "default", uid: "u", created: 1)
        try store.save(pod)
        #expect(try Store(root: store.root).pods() == [pod])
        #expect(throws: ImageError.exists(kind: .pod, name: "n")) {
            try store.save(PodRecord(id: "p2", name: "n", namespace: "default", uid: "u", created: 1))
        }
        for id in ["", "../x", "a:b", "a,b", "a/b", ".hidden"] {
            #expect(throws: ImageError.self) { try store.save(PodRecord(id: id, name: "m", namespace: "d", uid: "u", created: 1)) }
        }
    }
}
