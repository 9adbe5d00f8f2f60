import Foundation
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

/// What the writer makes of a directory, as a tar; with the tree below it when there is one.
private func layer(of path: String, over below: String? = nil, form: LayerWriter.Form = .layer) throws -> (
    bytes: [UInt8], sockets: [String]
) {
    func tree(_ path: String) throws -> MergedTree { MergedTree(layers: [FDBox(try FD.open(path, O_RDONLY | O_DIRECTORY))]) }
    let sink = MemorySink()
    let writer = LayerWriter(sink, form, limits: UnpackLimits())
    try writer.write(TreeComparison(old: try below.map(tree), new: try tree(path), limits: UnpackLimits()))
    return (sink.bytes, writer.sockets)
}

private func entries(_ bytes: [UInt8]) throws -> [TarEntry] {
    var reader = TarReader(MemorySource(bytes), subject: "layer")
    var result: [TarEntry] = []
    while let entry = try reader.next() { result.append(entry) }
    return result
}

private func shell(_ directory: String, _ script: String) throws { try run("sh", ["-euc", "cd \"$1\"\n\(script)", "sh", directory]) }

@Suite("writing layers", .enabled(if: isRoot, "owners, devices and attributes need root")) struct LayerWriterTests {
    let scratch: Temporary

    init() throws { scratch = try Temporary() }

    private func entry(_ kind: TarEntry.Kind, _ path: String, _ change: (inout TarEntry) -> Void = { _ in }) -> TarEntry {
        var entry = TarEntry(
            kind: kind, path: Array(path.utf8), mode: 0o755, uid: 0, gid: 0, modify: FileTime(seconds: 1_600_000_000, nanoseconds: 0))
        change(&entry)
        return entry
    }

    @Test("long names, large ids, odd times, devices and attributes come out of the reader as they went into the writer")
    func roundTrip() throws {
        let long = Array(repeating: "name", count: 200).joined(separator: "/")
        let written = [
            entry(.directory, "d/"), entry(.directory, String(repeating: "x", count: 100) + "/"), entry(.directory, long + "/"),
            entry(.file, String(repeating: "y", count: 100)) { $0.size = 5 },
            entry(.file, String(repeating: "y", count: 101)) { $0.size = 512 },
            entry(.file, "ids") { ($0.uid, $0.gid) = (2_097_152, 4_294_967_294) },
            entry(.file, "fits") { ($0.uid, $0.gid) = (2_097_151, 2_097_151) },
            entry(.file, "times") { $0.modify = FileTime(seconds: 5, nanoseconds: 7) },
            entry(.file, "old") { $0.modify = FileTime(seconds: -2, nanoseconds: 250_000_000) },
            entry(.file, "older") { $0.modify = FileTime(seconds: -3, nanoseconds: 0) },
            entry(.file, "late") { $0.modify = FileTime(seconds: 1 << 33, nanoseconds: 999_999_999) },
            entry(.symlink, "s") { $0.linkTarget = Array(repeating: UInt8(ascii: "t"), count: 300) },
            entry(.symlink, "t") { $0.linkTarget = Array("d/f".utf8) }, entry(.hardLink, "h") { $0.linkTarget = Array(long.utf8) },
            entry(.characterDevice, "c") { ($0.major, $0.minor) = (4095, 1_048_575) }, entry(.fifo, "p") { $0.mode = 0o4711 },
            entry(.file, "a") {
                $0.attributes = [
                    ExtendedAttribute(name: "security.capability", value: [1, 0, 0, 2, 0x0a, 0xff]),
                    ExtendedAttribute(name: "user.note", value: Array("a=b\n".utf8)),
                ]
            },
        ]
        let sink = MemorySink()
        let output = TarOutput(sink)
        for entry in written {
            try output.begin(entry)
            if entry.size > 0 { try output.content([UInt8](repeating: 7, count: Int(entry.size))[...]) }
        }
        try output.finish()
        #expect(sink.bytes.count % 512 == 0)
        #expect(try entries(sink.bytes) == written)
        // GNU tar reads the same.
        let listed = String(decoding: try run("tar", ["-tf", "-", "--quoting-style=literal"], input: sink.bytes), as: UTF8.self)
        #expect(listed.split(separator: "\n").map(String.init) == written.map { String(decoding: $0.path, as: UTF8.self) })
    }

    @Test("a file of more than eight gigabytes says its size in an extended header")
    func large() throws {
        let large = entry(.file, "big") { $0.size = 1 << 33 }
        let sink = MemorySink()
        let output = TarOutput(sink)
        try output.begin(large)
        // Two blocks of the extended header, one of the entry's own: more is not written before a piece is full.
        var piece = [UInt8](repeating: 0, count: pieceSize)
        try output.content(piece[...])
        piece = sink.bytes
        var reader = TarReader(MemorySource(piece), subject: "layer")
        #expect(try reader.next() == large)
    }

    @Test("the same tree makes the same layer, however it came to be", arguments: [Compression.none, .gzip, .zstd])
    func deterministic(_ compression: Compression) throws {
        let content = "head -c 3000000 /dev/zero | tr '\\0' x > big; echo a > a; echo b > b; mkdir d; ln a d/link; ln -s a s; mkfifo p"
        let reversed =
            "mkfifo p; ln -s a s; mkdir d; echo b > b; echo a > d/link; ln d/link a; head -c 3000000 /dev/zero | tr '\\0' x > big"
        let times = "find . -exec touch -h -d '2020-01-01 00:00:00.25 UTC' {} +"
        var results: [BlobOutput.Result] = []
        for (number, script) in [content, reversed].enumerated() {
            let tree = try scratch.openDirectory("tree-\(number)")
            try shell(scratch("tree-\(number)"), "\(script); \(times)")
            let blob = FDBox(try FD.open(scratch("blob-\(number)"), O_RDWR | O_CREAT, mode: 0o600))
            let output = try BlobOutput(compression, file: blob)
            try LayerWriter(output, .layer, limits: UnpackLimits()).write(
                TreeComparison(old: nil, new: MergedTree(layers: [tree]), limits: UnpackLimits()))
            results.append(try output.finish())
        }
        #expect(results[0].diffID == results[1].diffID)
        #expect(results[0].digest == results[1].digest)
        #expect(results[0].size == results[1].size)
        let stored = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch("blob-0"))))
        #expect(StreamHash.digest(.sha256, of: stored) == results[0].digest)
        let program = ["none": "cat", "gzip": "gunzip", "zstd": "zstd"][compression.rawValue] ?? ""
        let plain = try run(program, compression == .none ? [] : compression == .gzip ? ["-c"] : ["-dc"], input: stored)
        #expect(StreamHash.digest(.sha256, of: plain) == results[0].diffID)
    }

    @Test("what changed is told with the directories above it, what is gone as a whiteout, and nothing else")
    func changes() throws {
        try shell(
            scratch.path,
            "mkdir old; cd old; mkdir -p same/deep a/b c gone/inner kind; echo 1 > a/b/f; echo 1 > c/g; echo 1 > same/deep/h; ln -s x l")
        try shell(
            scratch.path,
            "cp -a old new; cd new; echo 2 > a/b/f; rm c/g; rm -r gone; rmdir kind; echo file > kind; ln -sf y l; mkdir n; touch n/e")
        let found = try entries(try layer(of: scratch("new"), over: scratch("old")).bytes).map { $0.shownPath }
        #expect(found == ["./", "a/", "a/b/", "a/b/f", "c/", "c/.wh.g", ".wh.gone", "kind", "l", "n/", "n/e"])
        try shell(scratch.path, "cp -a old twin")
        #expect(try entries(try layer(of: scratch("twin"), over: scratch("old")).bytes) == [])
    }

    @Test("content that was replaced under the old size and time is found")
    func stealthy() throws {
        try shell(scratch.path, "mkdir old; echo one > old/f; cp -a old new; echo two > new/f; touch -r old/f new/f; touch -r old new")
        #expect(try entries(try layer(of: scratch("new"), over: scratch("old")).bytes).map(\.shownPath) == ["./", "f"])
    }

    @Test("a further name of an old file takes the file along, so that both stay one")
    func furtherName() throws {
        try shell(scratch.path, "mkdir old; echo one > old/z; cp -a old new; ln new/z new/a")
        let found = try entries(try layer(of: scratch("new"), over: scratch("old")).bytes)
        #expect(found.map(\.shownPath) == ["./", "a", "z"])
        #expect(found.last?.kind == .hardLink && found.last?.linkTarget == Array("a".utf8))
    }

    @Test("sockets are left out and named; a name that means a deletion, and what overlayfs tells only half, are refused by name")
    func refused() throws {
        let directory = try scratch.openDirectory("new")
        try directory.fd.makeNode(FileName(own: "sock"), .socket, mode: 0o600)
        #expect(try layer(of: scratch("new")).sockets == ["/sock"])
        try shell(scratch("new"), "touch .wh.x")
        #expect { try layer(of: scratch("new")) } throws: { "\($0)".contains("/.wh.x") }
        #expect(try entries(try layer(of: scratch("new"), form: .archive).bytes).map(\.shownPath) == ["./", ".wh.x"])
        for note in ["redirect", "metacopy"] {
            try shell(scratch.path, "rm -rf new; mkdir -p new/d; setfattr -n trusted.overlay.\(note) -v y new/d")
            #expect { try layer(of: scratch("new")) } throws: { "\($0)".contains("/d") && "\($0)".contains(note) }
        }
    }

    @Test("directories without end are an error, not an overflow")
    func deep() throws {
        try shell(scratch.path, "mkdir new; cd new; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i + 1)); done")
        #expect { try layer(of: scratch("new")) } throws: { "\($0)".contains("nested deeper than 256") }
    }
}
