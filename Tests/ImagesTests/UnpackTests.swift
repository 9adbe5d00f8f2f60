import Foundation
import Glibc
import Testing

@testable import Images
@testable import LinuxSys

/// Unpacks layers one over the other, alone first, as a load does; answers the directories, lowest first.
private func unpack(_ layers: [[TarWriter.Member]], _ scratch: Temporary) throws -> [String] {
    var below: [FDBox] = []
    var paths: [String] = []
    for (number, members) in layers.enumerated() {
        func once(_ lower: MergedTree?) throws -> (LayerUnpacker.Outcome, FDBox) {
            try? FileManager.default.removeItem(atPath: scratch("layer-\(number)"))
            let diff = try scratch.openDirectory("layer-\(number)")
            var unpacker = LayerUnpacker(into: diff, lower: lower, subject: "layer \(number)", limits: UnpackLimits())
            var reader = TarReader(MemorySource(TarWriter(members).bytes), subject: "layer \(number)")
            return (try unpacker.unpack(&reader), diff)
        }
        let lower = MergedTree(layers: below.reversed())
        var (outcome, diff) = try once(nil)
        var done = false
        if case .complete(let trace) = outcome { done = try trace.finish(diff.fd, lower: lower) }
        if !done {
            (outcome, diff) = try once(lower)
            guard case .complete(let trace) = outcome, try trace.finish(diff.fd, lower: lower) else {
                throw ToolFailure(description: "layer \(number) does not fit")
            }
        }
        below.append(diff)
        paths.append(scratch("layer-\(number)"))
    }
    return paths
}

/// The layers as overlayfs shows them.
private func merged(_ layers: [[TarWriter.Member]]) throws -> [String] {
    let scratch = try Temporary()
    let paths = try unpack(layers, scratch)
    guard paths.count > 1 else { return try describeTree(paths[0]) }
    let point = scratch("merged")
    try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
    try run("mount", ["-t", "overlay", "overlay", "-o", "ro,lowerdir=\(paths.reversed().joined(separator: ":"))", point])
    defer { _ = try? run("umount", [point]) }
    return try describeTree(point)
}

private func names(_ lines: [String]) -> [String] { lines.map { String($0.prefix { $0 != " " }) } }

@Suite("unpacking layers", .enabled(if: isRoot, "owners, devices and overlay mounts need root"), .serialized) struct UnpackTests {
    @Test("owners, modes, times, links, devices and attributes are as the archive says")
    func metadata() throws {
        let lines = try merged([
            [
                .directory("./", mode: 0o755, mtime: 1), .directory("d", mode: 0o2750, uid: 33, mtime: 1_500_000_000),
                .init(
                    path: "d/f", content: [1], mode: 0o4711, uid: 1000, gid: 1001,
                    pax: [("mtime", Array("5.000000007".utf8)), ("SCHILY.xattr.user.k", Array("v".utf8))]),
                .hardLink("d/g", to: "d/f"), .symlink("s", to: "d/f"), .init(path: "c", type: "3", mode: 0o666, major: 1, minor: 3),
                .init(path: "p", type: "6", mode: 0o640),
            ]
        ])
        #expect(lines.contains { $0.hasPrefix("/ directory 755 0:0 1.0") })
        #expect(lines.contains { $0.hasPrefix("/d directory 2750 33:0 1500000000.0") })
        #expect(lines.contains { $0.hasPrefix("/d/f file 4711 1000:1001 1 5.7 user.k=[118]") && $0.contains("links=2") })
        #expect(lines.contains { $0.hasPrefix("/d/g file 4711 1000:1001 1 5.7 user.k=[118]") && $0.hasSuffix("first=/d/f") })
        #expect(lines.contains { $0.hasPrefix("/s symlink") && $0.hasSuffix("1600000000.0 -> d/f") })
        #expect(lines.contains { $0.hasPrefix("/c characterDevice 666 0:0 1:3") })
        #expect(lines.contains { $0.hasPrefix("/p fifo 640") })
    }

    @Test("a whiteout removes what is below and nothing of its own layer, whatever the order")
    func whiteouts() throws {
        let lines = try merged([
            [.file("a", "1"), .file("b", "1"), .directory("d"), .file("d/x", "1"), .file("d/y", "1"), .file("e", "1")],
            [
                .file(".wh.a", ""), .file("b", "2"), .file(".wh.b", ""), .directory("d"), .file("d/.wh.x", ""), .file(".wh.e", ""),
                .directory("e"), .file("e/z", "2"),
            ],
        ])
        #expect(names(lines) == ["/", "/b", "/d", "/d/y", "/e", "/e/z"])
    }

    @Test("an opaque directory hides what is below, also at the root")
    func opaque() throws {
        let below: [TarWriter.Member] = [.directory("d"), .file("d/x", "1"), .directory("d/sub"), .file("d/sub/y", "1"), .file("k", "1")]
        #expect(
            names(try merged([below, [.directory("d"), .file("d/new", "2"), .file("d/.wh..wh..opq", "")]])) == ["/", "/d", "/d/new", "/k"])
        #expect(
            names(try merged([below, [.file("d/.wh..wh..opq", ""), .file("d/sub/n", "2")]])) == ["/", "/d", "/d/sub", "/d/sub/n", "/k"])
        #expect(names(try merged([below, [.file(".wh..wh..opq", ""), .directory("d"), .file("d/n", "2")]])) == ["/", "/d", "/d/n"])
    }

    @Test("a removed directory that comes back starts empty")
    func replaced() throws {
        let below: [TarWriter.Member] = [.directory("d"), .file("d/x", "1")]
        #expect(names(try merged([below, [.file(".wh.d", ""), .directory("d"), .file("d/n", "2")]])) == ["/", "/d", "/d/n"])
        #expect(names(try merged([below, [.file(".wh.d", ""), .file("d/n", "2")]])) == ["/", "/d", "/d/n"])
        #expect(names(try merged([below, [.file("d", "file")], [.directory("d"), .file("d/n", "2")]])) == ["/", "/d", "/d/n"])
        #expect(names(try merged([below, [.file("d", "file"), .directory("d")]])) == ["/", "/d"])
    }

    @Test("whiteouts inside what is gone or replaced as a whole bring nothing back")
    func nestedWhiteouts() throws {
        let below: [TarWriter.Member] = [
            .directory("d"), .directory("d/e"), .file("d/e/x", "1"), .directory("usr"), .file("usr/y", "1"), .symlink("lib", to: "usr"),
        ]
        #expect(
            names(try merged([below, [.file("d/e/.wh.x", ""), .file("d/.wh.e", ""), .file(".wh.d", "")]])) == [
                "/", "/lib", "/usr", "/usr/y",
            ])
        #expect(
            names(try merged([below, [.file(".wh.d", ""), .file("d/.wh.e", ""), .file("d/e/.wh.x", "")]])) == [
                "/", "/lib", "/usr", "/usr/y",
            ])
        #expect(names(try merged([below, [.file("d", "now a file"), .file("d/.wh.e", "")]])) == ["/", "/d", "/lib", "/usr", "/usr/y"])
        #expect(
            names(try merged([below, [.file("lib/.wh.y", ""), .file("none/.wh.x", ""), .file("none/a/.wh.x", "")]])) == [
                "/", "/d", "/d/e", "/d/e/x", "/lib", "/usr",
            ])
        #expect(names(try merged([[.file("none/.wh.x", ""), .file(".wh.y", ""), .file("k", "")], [.file(".wh.k", "")]])) == ["/"])
    }

    @Test("a directory that a layer only implies looks as it does below")
    func implied() throws {
        let lines = try merged([
            [.directory("./", mode: 0o711, mtime: 5), .directory("d", mode: 0o1777, uid: 9, mtime: 7), .file("d/x", "1")],
            [.file("d/new", "2")], [.file("d/.wh.x", "")],
        ])
        #expect(lines.contains { $0.hasPrefix("/ directory 711 0:0 5.0") })
        #expect(lines.contains { $0.hasPrefix("/d directory 1777 9:0 7.0") })
        #expect(names(lines) == ["/", "/d", "/d/new"])
    }

    @Test("an entry below a link of a lower layer lands where the link leads, inside the root")
    func linkedParent() throws {
        let lines = try merged([
            [
                .directory("usr"), .directory("usr/lib"), .symlink("lib", to: "usr/lib"), .symlink("abs", to: "/usr/lib"),
                .symlink("up", to: "../../../usr"),
            ],
            [.file("lib/a", "2"), .file("abs/b", "2"), .file("up/lib/c", "2")],
        ])
        #expect(names(lines) == ["/", "/abs", "/lib", "/up", "/usr", "/usr/lib", "/usr/lib/a", "/usr/lib/b", "/usr/lib/c"])
    }

    @Test("links inside one layer cannot lead a file out of the root")
    func plantedLink() throws {
        let outside = try Temporary()
        let lines = try merged([
            [.symlink("out", to: outside.path), .file("out/stolen", "x"), .symlink("top", to: "../../../../.."), .file("top/in", "x")]
        ])
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
        #expect(names(lines).contains("/in"))
        #expect(names(lines).contains("\(outside.path)/stolen"))
    }

    @Test("a link is replaced by a file or directory of the same name, never written through")
    func linkReplaced() throws {
        let outside = try Temporary()
        let victim = try outside.write("victim", Array("safe".utf8))
        let lines = try merged([
            [
                .symlink("f", to: victim), .file("f", "new"), .symlink("d", to: outside.path), .directory("d", mode: 0o700),
                .file("d/x", "1"),
            ]
        ])
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "safe")
        #expect(names(lines) == ["/", "/d", "/d/x", "/f"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["victim"])
    }

    @Test("a hard link to a file of a lower layer brings the file up")
    func linkAcross() throws {
        let lines = try merged([[.directory("d"), .file("d/f", "1", mode: 0o4755, uid: 5)], [.hardLink("g", to: "d/f")]])
        #expect(lines.contains { $0.hasPrefix("/g file 4755 5:0 1 1600000000.0") && $0.hasSuffix("links=2 first=/d/f") })
    }

    @Test(
        "hostile entries are refused by name",
        arguments: [
            [TarWriter.Member.file("../evil", "x")], [.file("a/../../evil", "x")], [.file("d/.wh...", "")], [.file(".wh.", "")],
            [.file(".wh..", "")],
            [.hardLink("h", to: "../../etc/passwd")], [.hardLink("h", to: "missing")], [.directory("d"), .hardLink("h", to: "d")],
            [.symlink("loop", to: "loop"), .file("loop/x", "1")], [.file("f", ""), .file("f/x", "1")], [.init(path: "c", type: "3")],
            [.init(path: "x", pax: [("SCHILY.xattr.trusted.overlay.redirect", Array("/".utf8))])],
            [.init(path: "./", type: "2", link: "/")],
            [.init(path: String(repeating: "d/", count: 45), type: "5", pax: [("path", Array(String(repeating: "d/", count: 300).utf8))])],
        ])
    func hostile(_ members: [TarWriter.Member]) throws {
        #expect(throws: ImageError.self) { try merged([members]) }
    }

    @Test("nested directories without end are removed with few descriptors")
    func deepRemoval() throws {
        let scratch = try Temporary()
        var directory = try scratch.openDirectory("deep")
        for _ in 0..<700 { directory = try directory.directory("d") }
        let home = try FD.open(scratch.path, O_RDONLY | O_DIRECTORY)
        try home.removeTree(FileName(own: "deep"))
        #expect(try home.entries().isEmpty)
    }
}
