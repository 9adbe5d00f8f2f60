import Foundation
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

private let passwd =
    "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/srv/web:/bin/false\nodd:x:4294967295:1::/:/x\n1000:x:77:77::/named:/x\n"
private let group = "root:x:0:\nstaff:x:50:web,root\nvideo:x:51:web\nhuge:x:4294967296:\n"

/// A tree of one layer with these account files.
private func tree(_ scratch: Temporary, _ members: [TarWriter.Member]) throws -> MergedTree {
    let diff = try scratch.openDirectory("tree")
    var unpacker = LayerUnpacker(into: diff, lower: nil, subject: "tree", limits: UnpackLimits())
    var reader = TarReader(MemorySource(TarWriter(members).bytes), subject: "tree")
    guard case .complete(let trace) = try unpacker.unpack(&reader), try trace.finish(diff.fd, lower: MergedTree(layers: [])) else {
        throw ToolFailure(description: "tree")
    }
    return MergedTree(layers: [diff])
}

@Suite("bundles", .enabled(if: isRoot, "layers with owners need root")) struct BundleTests {
    let scratch: Temporary
    let image: MergedTree

    init() throws {
        scratch = try Temporary()
        image = try tree(scratch, [.directory("etc"), .file("etc/passwd", passwd), .file("etc/group", group)])
    }

    @Test("account files that are links stay inside the image")
    func linkedAccounts() throws {
        let inside = try Temporary()
        let good = try tree(
            inside,
            [
                .directory("etc"), .symlink("etc/passwd", to: "/../../usr/accounts"), .directory("usr"),
                .file("usr/accounts", "x:x:5:5::/:/\n"),
            ])
        #expect(try Accounts(good).resolve("x").uid == 5)
        let outside = try Temporary()
        let path = try outside.write("passwd", Array("x:x:6:6::/:/\n".utf8))
        let bad = try tree(outside, [.directory("etc"), .symlink("etc/passwd", to: path)])
        #expect(throws: AccountError.unknownUser("x")) { try Accounts(bad).resolve("x") }
        let third = try Temporary()
        #expect(throws: ImageError.self) { try Accounts(tree(third, [.directory("etc"), .init(path: "etc/passwd", type: "6")])) }
    }

    @Test("command, environment and directory: the image's, and what the caller changes")
    func process() throws {
        var config = ImageConfig()
        config.run.entrypoint = ["/entry"]
        config.run.command = ["default"]
        config.run.environment = ["PATH=/image", "A=1", "B=2"]
        config.run.workingDirectory = "/work"
        config.run.labels = ["label": "x"]
        var request = BundleRequest(image: config)
        request.environment = ["B=3"]
        var spec = JSONField(try request.spec(in: image))
        #expect(try spec.member("process").member("args").strings() == ["/entry", "default"])
        let environment = try spec.member("process").member("env").strings()
        #expect(
            environment.contains("PATH=/image") && environment.contains("A=1") && environment.contains("B=3")
                && !environment.contains("B=2"))
        #expect(try spec.member("process").member("cwd").string() == "/work")
        #expect(try spec.member("annotations").stringMap()["label"] == "x")
        request.arguments = ["given"]
        #expect(try JSONField(request.spec(in: image)).member("process").member("args").strings() == ["/entry", "given"])
        request.entrypoint = ["/other"]
        request.arguments = nil
        spec = JSONField(try request.spec(in: image))
        #expect(try spec.member("process").member("args").strings() == ["/other"])
        _ = try RuntimeSpec(json: request.spec(in: image).encoded())
    }

    @Test("what makes no sense is refused by name")
    func refused() throws {
        func spec(_ change: (inout BundleRequest) -> Void) throws {
            var request = BundleRequest(image: ImageConfig())
            request.arguments = ["sh"]
            change(&request)
            _ = try request.spec(in: image)
        }
        try spec { _ in }
        #expect(throws: ImageError.self) { try spec { $0.arguments = nil } }
        #expect(throws: ImageError.self) { try spec { $0.environment = ["=x"] } }
        #expect(throws: ImageError.self) { try spec { $0.workingDirectory = "relative" } }
        #expect(throws: ImageError.self) { try spec { $0.addCapabilities = ["CAP_NONSENSE"] } }
        #expect(throws: ImageError.self) { try spec { $0.binds = [BindRequest(source: "/x", destination: "/a/../../b")] } }
        #expect(throws: ImageError.self) { try spec { $0.image.run.volumes = ["/../host"] } }
        #expect(throws: ImageError.self) { try spec { $0.user = "nobody" } }
    }

    @Test("capabilities are the usual ones, less what is dropped, with what is added")
    func capabilities() throws {
        #expect(try CapabilityChoice(add: [], drop: ["ALL"], privileged: false).names == [])
        #expect(try CapabilityChoice(add: ["net_admin"], drop: ["all"], privileged: false).names == ["CAP_NET_ADMIN"])
        #expect(try !CapabilityChoice(add: ["ALL"], drop: ["CAP_SYS_ADMIN"], privileged: false).names.contains("CAP_SYS_ADMIN"))
        #expect(try CapabilityChoice(add: [], drop: [], privileged: true).names == CapabilityChoice.all)
    }

    @Test(
        "a bundle runs under runc as well, with its exit code", .enabled(if: hasTools("runc", "busybox"), "needs runc and busybox-static"))
    func runc() throws {
        let store = try Store(root: scratch("root"))
        let busybox = [UInt8](
            try Data(
                contentsOf: URL(
                    fileURLWithPath: ["/bin/busybox", "/usr/bin/busybox"].first { FileManager.default.fileExists(atPath: $0) }!)))
        let layer = TarWriter([
            .directory("./"), .directory("bin"), .init(path: "bin/busybox", content: busybox, mode: 0o755),
            .symlink("bin/sh", to: "busybox"), .directory("etc"), .file("etc/passwd", passwd),
            .file("etc/group", group),
        ]).bytes
        let image = try store.load(scratch.write("b.tar", dockerArchive(layers: [layer])), name: nil, progress: nil)[0]
        let id = "swiftlet-test-\(randomName(8))"
        let root = try store.prepare(container: id, image: image)
        var request = BundleRequest(image: image.config)
        request.arguments = [
            "/bin/sh", "-c", "busybox id -u; busybox id -G; busybox cat /etc/hostname; busybox mkdir /new 2>/dev/null || exit 7",
        ]
        request.user = "web"
        request.hostname = "box"
        let bundle = scratch("bundle")
        try request.write(to: bundle, root: root)
        try run("mount", ["-t", "overlay", "overlay", "-o", root.mounts[0].options.joined(separator: ","), "\(bundle)/rootfs"])
        defer { _ = try? run("umount", ["\(bundle)/rootfs"]) }
        let output = try run(
            "sh", ["-c", "runc --root \"$1\" run --bundle \"$2\" \"$3\" < /dev/null; echo status $?", "sh", scratch("runc"), bundle, id])
        #expect(String(decoding: output, as: UTF8.self) == "33\n44 50 51\n\(id.prefix(12))\nstatus 7\n")
    }
}
