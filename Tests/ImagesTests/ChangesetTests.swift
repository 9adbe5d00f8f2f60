import Foundation
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

private let ownPlaces = ["/dev", "/etc", "/proc", "/sys"]

/// Images loaded, containers made of them by one snapshotter, their trees as the container would see them.
private struct Bench {
    let scratch: Temporary
    let store: Store

    init() throws {
        scratch = try Temporary()
        store = try Store(root: scratch("root"))
    }

    func load(_ layers: [[TarWriter.Member]]) throws -> ImageRecord {
        let root = TarWriter.Member.directory("./", mode: 0o755)
        let tars = layers.enumerated().map { TarWriter(($0.offset == 0 ? [root] : []) + $0.element).bytes }
        return try store.load(scratch.write("image-\(randomName(6)).tar", dockerArchive(layers: tars)), name: nil, progress: nil)[0]
    }

    /// Runs `body` on the mounted root of a new container and takes that away again.
    func withRoot<T>(_ image: ImageRecord, _ kind: SnapshotterKind, id: String, _ body: (String) throws -> T) throws -> T {
        let root = try store.prepare(container: id, image: image, identity: ContainerIdentity(hostname: "box"), snapshotter: kind)
        defer { try? store.deactivate(container: id) }
        try store.activate(container: id)
        if let merged = root.mergedDir { return try body(merged) }
        let point = scratch("point-\(id)")
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
        try run("mount", ["-t", "overlay", "overlay", "-o", root.mounts[0].options.joined(separator: ","), point])
        defer { _ = try? run("umount", [point]) }
        return try body(point)
    }
}

private func canRun(_ kind: SnapshotterKind) -> Bool {
    let hasDevice = unsafe access("/dev/fuse", R_OK | W_OK) == 0
    return kind != .fuseOverlayfs || hasDevice && hasTools("fuse-overlayfs")
}

@Suite("changesets, applied by every snapshotter", .enabled(if: isRoot, "mounts and owners need root"), .serialized)
struct ChangesetTests {
    @Test("the overlay that the kernel mounts shows what the layers say", arguments: ChangesetCase.all)
    func overlay(_ example: ChangesetCase) throws { try check(example, .overlay) }

    @Test("the plain copy shows what the layers say", arguments: ChangesetCase.all)
    func copy(_ example: ChangesetCase) throws { try check(example, .copy) }

    @Test(
        "fuse-overlayfs shows what the layers say", .enabled(if: canRun(.fuseOverlayfs), "needs fuse-overlayfs and /dev/fuse"),
        arguments: ChangesetCase.all)
    func fuse(_ example: ChangesetCase) throws { try check(example, .fuseOverlayfs) }

    /// Names as the case lists them, everything else as the merged layers have it, and nothing that counts as a change.
    private func check(_ example: ChangesetCase, _ kind: SnapshotterKind) throws {
        let bench = try Bench()
        let image = try bench.load(example.layers)
        let expected = bench.scratch("expected")
        let target = try bench.scratch.openDirectory("expected")
        try TreeCopy.make(bench.store.tree(image.chain), in: target, limits: UnpackLimits())
        let found = try bench.withRoot(image, kind, id: "c") { try describeTree($0) }
        let own = found.filter { line in !ownPlaces.contains { line.hasPrefix($0) } }
        #expect(own.dropFirst().map { String($0.prefix { $0 != " " }) } == example.names)
        let wanted = try describeTree(expected)
        // fuse-overlayfs counts one name of a file until it has seen the next: there only the rest can be compared.
        func comparable(_ lines: [String]) -> [String] { kind == .fuseOverlayfs ? Self.withoutLinks(lines) : Self.withoutCounts(lines) }
        #expect(differences(comparable(wanted), comparable(own)).isEmpty)
        try bench.store.changes(of: "c") { (change) throws(ImageError) in
            Issue.record("\(change.kind.rawValue) \(change.path) in a container that did nothing")
        }
        try bench.store.discard(container: "c")
    }

    /// A file below an overlay still counts names that a layer above took away: what counts is which names are one file.
    private static func withoutCounts(_ lines: [String]) -> [String] {
        lines.map { line in
            guard let links = line.range(of: " links="), let first = line.range(of: " first=") else { return line }
            let place = line.prefix { $0 != " " }
            return String(line[..<links.lowerBound]) + (line[first.upperBound...] == place ? "" : String(line[first.lowerBound...]))
        }
    }

    private static func withoutLinks(_ lines: [String]) -> [String] {
        lines.map { line in line.range(of: " links=").map { String(line[..<$0.lowerBound]) } ?? line }
    }

    /// All that a container may do to files.
    private static let script = """
        echo new > n; rm gone; rm -r dir; mkdir dir; echo in > dir/own; rm -r become; echo file > become; rm turn; mkdir turn; touch turn/x
        chmod 4700 mode; chown 12:34 owner; mv from to; ln keep second; ln -sf elsewhere link; echo more >> deep/er/est
        setfattr -n user.k -v 1 attr; rm -r deep/down; mkfifo pipe; mknod null c 1 3; truncate -s 1M hole; mv whole moved 2>/dev/null || { cp -a whole moved; rm -r whole; }
        mkdir -p deep/down/again; touch back; rm back; rm same; echo content > same
        find . -xdev -depth -newermt '2024-01-01' -exec touch -h -d '2021-02-03 04:05:06.7 UTC' {} +
        """
    private static let image: [[TarWriter.Member]] = [
        [
            .file("gone", "1"), .directory("dir"), .file("dir/a", "1"), .directory("dir/sub"), .file("dir/sub/b", "1"),
            .directory("become"),
            .file("become/x", "1"), .file("turn", "1"), .file("mode", "1"), .file("owner", "1"), .file("from", "1"), .file("keep", "1"),
            .symlink("link", to: "here"), .directory("deep"), .directory("deep/er"), .file("deep/er/est", "1"), .directory("deep/down"),
            .file("attr", "1"), .directory("whole"), .file("whole/w", "1"), .file("same", "content\\n"), .file("still", "1"),
        ],
        [.file("deep/down/second", "2"), .file("dir/sub/c", "2")],
    ]

    @Test(
        "what a container did becomes a layer that gives the same tree here and to umoci",
        .enabled(if: hasTools("umoci", "setfattr"), "needs umoci and attr"),
        arguments: SnapshotterKind.allCases.filter(canRun))
    func commit(_ kind: SnapshotterKind) throws {
        let bench = try Bench()
        let wanted = try bench.withRoot(try bench.load(Self.image), kind, id: "c") { root in
            try run("sh", ["-euc", "cd \"$1\"\n\(Self.script)", "sh", root])
            return try describeTree(root)
        }
        var request = NewImage(created: "2024-01-01T00:00:00Z")
        request.name = "made:1"
        let made = try bench.store.commit(container: "c", request).image
        #expect(made.chain.count == 3)
        func compare(_ found: [String], _ who: String) {
            // The init layer is the container's own, and no part of the image: only what changed there is.
            func own(_ lines: [String]) -> [String] { lines.filter { line in !ownPlaces.contains { line.hasPrefix($0) } } }
            #expect(differences(own(wanted), own(found)).isEmpty, "\(who)")
        }
        compare(try bench.store.withMerged(made, bench.scratch) { try describeTree($0) }, "our own")
        try bench.store.save(["made:1"], toDirectory: bench.scratch("layout"))
        try run("umoci", ["unpack", "--image", "\(bench.scratch("layout")):1", bench.scratch("umoci")])
        compare(try describeTree(bench.scratch("umoci/rootfs")), "umoci")
        try bench.store.discard(container: "c")
        try bench.store.removeImage("made:1")
    }

    @Test("the same changes make the same layer under every snapshotter", .enabled(if: hasTools("setfattr"), "needs attr"))
    func sameDigest() throws {
        let bench = try Bench()
        let image = try bench.load(Self.image)
        var layers: [SnapshotterKind: Digest] = [:]
        for kind in SnapshotterKind.allCases where canRun(kind) {
            // fuse-overlayfs gives a directory a new time when it copies up what is in it: here all have the same.
            let script = Self.script + "\nfind . -xdev -depth -type d -exec touch -h -d '2021-02-03 04:05:06.7 UTC' {} +"
            try bench.withRoot(image, kind, id: kind.rawValue) { _ = try run("sh", ["-euc", "cd \"$1\"\n\(script)", "sh", $0]) }
            layers[kind] = try bench.store.commit(container: kind.rawValue, NewImage(created: "2024-01-01T00:00:00Z")).image.config.diffIDs
                .last
        }
        #expect(Set(layers.values).count == 1, "\(layers)")
        #expect(layers.count >= 2)
    }
}
