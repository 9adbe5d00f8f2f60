import Foundation
import Testing

@testable import Images

/// Image archives as umoci and skopeo write them, and what `umoci unpack` makes of them.
private struct ToolImage {
    let scratch: Temporary
    /// An OCI layout with the tag `latest`.
    let layout: String
    private let expected: String

    init(_ scratch: Temporary, _ layout: String) throws {
        self.scratch = scratch
        self.layout = layout
        expected = scratch("expected")
        try run("umoci", ["unpack", "--image", "\(layout):latest", expected])
    }

    /// The four forms in which images are handed around.
    func archives() throws -> [String] {
        let name = layout.split(separator: "/").last!
        let policy = ["--insecure-policy", "copy", "-q"]
        try run("tar", ["-C", layout, "-cf", scratch("\(name).oci.tar"), "."])
        try run("skopeo", policy + ["oci:\(layout):latest", "oci-archive:\(scratch("\(name).skopeo.tar")):latest"])
        try run("skopeo", policy + ["oci:\(layout):latest", "docker-archive:\(scratch("\(name).docker.tar")):tools/\(name):1"])
        return [layout] + [".oci.tar", ".skopeo.tar", ".docker.tar"].map { scratch("\(name)\($0)") }
    }

    /// Loads each form into a store of its own and compares the merged tree with umoci's, entry by entry.
    func compare() throws {
        let wanted = try describeTree("\(expected)/rootfs")
        for archive in try archives() {
            let store = try Store(root: scratch("root-\(archive.split(separator: "/").last!)"))
            let images = try store.load(archive, name: nil, progress: nil)
            #expect(images.count == 1 && images[0].names.count == 1)
            let found = try store.withMerged(images[0], scratch) { try describeTree($0) }
            #expect(differences(wanted, found).isEmpty, "\(archive)")
            #expect(found.count == wanted.count)
        }
    }
}

/// Unpacks the image, lets `change` work on its root, and packs what changed as a further layer.
private func addLayer(_ scratch: Temporary, _ layout: String, _ change: (String) throws -> Void) throws {
    let bundle = scratch("bundle-\(randomName(6))")
    try run("umoci", ["unpack", "--image", "\(layout):latest", bundle])
    try change("\(bundle)/rootfs")
    try run("umoci", ["repack", "--image", "\(layout):latest", bundle])
    try run("rm", ["-rf", bundle])
}

private func newLayout(_ scratch: Temporary, _ name: String) throws -> String {
    try run("umoci", ["init", "--layout", scratch(name)])
    try run("umoci", ["new", "--image", "\(scratch(name)):latest"])
    return scratch(name)
}

private func shell(_ root: String, _ script: String) throws { try run("sh", ["-euc", "cd \"$1\"\n\(script)", "sh", root]) }

@Suite(
    "trees equal to umoci's",
    .enabled(if: isRoot && hasTools("umoci", "skopeo", "busybox", "setfattr", "tar"), "needs root, umoci, skopeo, busybox-static and attr"),
    .serialized)
struct ToolTests {
    @Test("busybox in several layers with deletions, replacements, links, devices and attributes, in all four forms")
    func busybox() throws {
        let scratch = try Temporary()
        let layout = try newLayout(scratch, "busybox")
        try addLayer(scratch, layout) { root in
            try shell(
                root,
                """
                mkdir -p bin etc usr/lib var/tmp tmp home/user srv/data/deep
                cp "$(command -v busybox)" bin/busybox
                for name in sh ls cat true false sleep; do ln -s busybox bin/$name; done
                ln bin/busybox bin/hard; ln -s usr/lib lib; chmod 1777 tmp var/tmp; chmod 4755 bin/busybox
                echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd; echo old > srv/data/a; echo old > srv/data/deep/b
                chown -R 1000:1000 home/user; mkfifo var/pipe; mknod var/null c 1 3; touch -d '1969-12-31 23:59:58.25 UTC' etc/old
                touch -h -d '2001-02-03 04:05:06.789 UTC' lib; setfattr -n user.note -v hello etc/passwd
                setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= bin/cat 2>/dev/null || true
                """)
        }
        try addLayer(scratch, layout) { root in
            try shell(
                root,
                """
                rm -r srv/data; mkdir srv/data; echo new > srv/data/c
                rm bin/sleep; rm lib; mkdir lib; echo file > lib/now-a-directory
                rm -r home; echo file > home; chmod 700 tmp; echo x > usr/lib/lib.so; truncate -s 1M var/sparse; echo end >> var/sparse
                """)
        }
        try addLayer(scratch, layout) { root in
            try shell(
                root,
                "rm home; mkdir -p home/again; touch -d '2010-01-01 00:00:00.5 UTC' home/again home; ln bin/busybox bin/second; chown 5:6 srv"
            )
        }
        try shell(scratch.path, "mkdir opaque; echo only > opaque/only")
        try run("umoci", ["insert", "--image", "\(layout):latest", "--opaque", scratch("opaque"), "/usr"])
        try run("umoci", ["insert", "--image", "\(layout):latest", "--whiteout", "/var/pipe"])
        try ToolImage(scratch, layout).compare()
    }

    @Test("a damaged image layout is refused in one line and leaves nothing", arguments: ["flip", "cut", "lose"])
    func damaged(_ how: String) throws {
        let scratch = try Temporary()
        let layout = try newLayout(scratch, "image")
        try addLayer(scratch, layout) { try shell($0, "mkdir bin; cp \"$(command -v busybox)\" bin/") }
        let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(layout)/blobs/sha256").map { "\(layout)/blobs/sha256/\($0)" }
        let biggest = try blobs.max {
            try Data(contentsOf: URL(fileURLWithPath: $0)).count < Data(contentsOf: URL(fileURLWithPath: $1)).count
        }!
        var bytes = try Data(contentsOf: URL(fileURLWithPath: biggest))
        switch how {
        case "flip": bytes[bytes.count / 3] ^= 4
        case "cut": bytes.removeLast(100)
        default: break
        }
        if how == "lose" { try FileManager.default.removeItem(atPath: biggest) } else { try bytes.write(to: URL(fileURLWithPath: biggest)) }
        let store = try Store(root: scratch("root"))
        #expect { try store.load(layout, name: nil, progress: nil) } throws: { error in !"\(error)".contains("\n") && error is ImageError }
        for directory in ["tmp", "overlay/layers", "overlay/l", "blobs/sha256"] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/\(directory)").isEmpty)
        }
    }

    @Test("Debian, as debootstrap makes it, in all four forms", .enabled(if: hasTools("debootstrap"), "needs debootstrap"))
    func debian() throws {
        let scratch = try Temporary()
        let layout = try newLayout(scratch, "debian")
        let cached = try debianRoot()
        try addLayer(scratch, layout) { try run("cp", ["-a", "\(cached)/.", $0]) }
        try addLayer(scratch, layout) { root in
            try shell(
                root,
                "rm -r usr/share/doc; mkdir usr/share/doc; echo one > usr/share/doc/one; rm etc/motd; echo x > lib/planted; chmod u+s bin/cat"
            )
        }
        try ToolImage(scratch, layout).compare()
    }

    /// Made once: a minimal Debian from the mirror that this machine's apt uses.
    private func debianRoot() throws -> String {
        let cache = "/var/tmp/swiftlet-test-cache"
        let root = "\(cache)/debian"
        if FileManager.default.fileExists(atPath: "\(root)/.complete") { return root }
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        try run("rm", ["-rf", root])
        let policy = String(
            decoding: try run("apt-get", ["indextargets", "--format", "$(SITE) $(REPO_URI) $(RELEASE)", "Created-By: Packages"]),
            as: UTF8.self)
        let codename = String(decoding: try run("sh", ["-c", ". /etc/os-release; echo $VERSION_CODENAME"]), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard let line = policy.split(separator: "\n").first(where: { $0.hasSuffix(" \(codename)") }),
            let mirror = line.split(separator: " ").dropFirst().first
        else {
            throw ToolFailure(description: "apt knows no mirror of \(codename)")
        }
        try run("debootstrap", ["--variant=minbase", codename, root, String(mirror)])
        try run("touch", ["\(root)/.complete"])
        return root
    }
}
