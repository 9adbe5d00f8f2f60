import Foundation
import Glibc
import OCI
import Testing

@testable import Images
@testable import LinuxSys

@Suite("limits of what an archive may ask", .enabled(if: isRoot, "owners and overlay marks need root")) struct LimitTests {
    let scratch: Temporary
    let store: Store

    init() throws {
        scratch = try Temporary()
        store = try Store(root: scratch("root"))
    }

    /// The error of loading these layers; the store has to be as empty as before.
    private func refusal(_ members: [TarWriter.Member], _ limits: UnpackLimits = UnpackLimits()) throws -> String {
        let path = try scratch.write("a.tar", dockerArchive(layers: [TarWriter(members).bytes]))
        var text = ""
        do {
            _ = try store.load(path, name: nil, limits: limits, progress: nil)
        } catch {
            text = error.description
        }
        #expect(try store.images().isEmpty)
        for place in ["tmp", "overlay/layers", "blobs/sha256"] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/\(place)").isEmpty, "\(place)")
        }
        return text
    }

    @Test("each limit is named when it is passed")
    func limits() throws {
        var limits = UnpackLimits()
        limits.entries = 10
        #expect(try refusal((0..<11).map { .file("f\($0)", "") }, limits).contains("more than 10 entries"))
        limits = UnpackLimits()
        limits.layerSize = 100_000
        #expect(
            try refusal([.init(path: "f", content: [UInt8](repeating: 0, count: 200_000))], limits).contains(
                "more than 100000 bytes uncompressed"))
        limits = UnpackLimits()
        limits.fileSize = 1000
        #expect(try refusal([.init(path: "f", content: [UInt8](repeating: 0, count: 1001))], limits).contains("more than 1000"))
        limits = UnpackLimits()
        limits.depth = 5
        #expect(try refusal([.file("1/2/3/4/5/6", "")], limits).contains("nested deeper than 5"))
    }

    @Test(
        "a layer that expands without end is stopped at its limit", .enabled(if: hasTools("gzip", "zstd"), "needs gzip and zstd"),
        arguments: ["gzip", "zstd"])
    func bomb(_ tool: String) throws {
        var limits = UnpackLimits()
        limits.layerSize = 20 << 20
        let zeros = TarWriter([.init(path: "zeros", content: [UInt8](repeating: 0, count: 64 << 20))]).bytes
        let packed = try run(tool, ["-c"], input: zeros)
        #expect(packed.count < 1 << 20)
        // As `docker save` has it: the layer packed, the diff ID that of what is inside.
        let path = try scratch.write("bomb.tar", dockerArchive(layers: [zeros]) { _ in packed })
        #expect { try store.load(path, name: nil, limits: limits, progress: nil) } throws: { "\($0)".contains("more than 20971520 bytes") }
        let file = FDBox(try FD.open(scratch.write("layer", packed), O_RDONLY))
        var request = NewImage(created: "2024-01-01T00:00:00Z")
        request.name = "bomb:1"
        #expect { try store.importImage(from: file, named: "layer", request, limits: limits) } throws: {
            "\($0)".contains("more than 20971520 bytes")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/tmp").isEmpty)
    }

    @Test("a sparse file of exabytes is refused before anything is made, one of a gigabyte takes no room")
    func sparse() throws {
        func hole(_ size: UInt64) -> TarWriter.Member {
            .init(
                path: "hole", content: [1],
                pax: [("GNU.sparse.size", Array(String(size).utf8)), ("GNU.sparse.map", Array("\(size - 1),1".utf8))])
        }
        #expect(try refusal([hole(8 << 60 - 1)]).contains("bytes, more than"))
        let image = try store.load(
            scratch.write("a.tar", dockerArchive(layers: [TarWriter([hole(1 << 30)]).bytes])), name: nil, progress: nil)[0]
        let file = "\(store.root)/overlay/layers/\(Store.hex(image.chain[0]))/diff/hole"
        var status = stat()
        #expect(unsafe stat(file, &status) == 0)
        #expect(status.st_size == 1 << 30 && status.st_blocks * 512 < 1 << 20)
    }

    @Test(
        "ids beyond 32 bits, and the one that means nobody, are refused",
        arguments: ["4294967295", "4294967296", "99999999999999999999", "-1"])
    func ids(_ text: String) throws {
        for key in ["uid", "gid"] {
            #expect(try refusal([.init(path: "f", pax: [(key, Array(text.utf8))])]).contains("a \(key) outside 0"))
        }
    }

    @Test("work that is cancelled leaves nothing")
    func cancelled() throws {
        let members: [TarWriter.Member] = (0..<50).map { .init(path: "f\($0)", content: [UInt8](repeating: UInt8($0), count: 100_000)) }
        let path = try scratch.write("a.tar", dockerArchive(layers: [TarWriter(members).bytes]))
        let cancellation = Cancellation()
        // In the middle of it: with the second report of the unpacking.
        let canceller: @Sendable (LoadProgress) -> Void = { if $0.stage == .unpacking, $0.done > 600_000 { cancellation.cancel() } }
        #expect { try store.load(path, name: nil, cancellation: cancellation, progress: canceller) } throws: {
            if case ImageError.kernel(let error) = $0 { error.errno == ECANCELED } else { false }
        }
        #expect(try store.images().isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.root)/tmp").isEmpty)
        #expect(try store.load(path, name: nil, progress: nil).count == 1)
    }

    @Test("a setuid file keeps its bit, and a mode given to a link reaches nothing")
    func modes() throws {
        let outside = try Temporary()
        let victim = try outside.write("victim", [1])
        #expect(unsafe chmod(victim, 0o600) == 0)
        let image = try store.load(
            scratch.write(
                "a.tar",
                dockerArchive(layers: [
                    TarWriter([
                        .file("su", "x", mode: 0o6755, uid: 1000, gid: 1000), .file("root-su", "x", mode: 0o4755),
                        .init(path: "link", type: "2", link: victim, mode: 0o4777, uid: 7),
                    ]).bytes
                ])), name: nil, progress: nil)[0]
        let lines = try describeTree("\(store.root)/overlay/layers/\(Store.hex(image.chain[0]))/diff")
        #expect(lines.contains { $0.hasPrefix("/su file 6755 1000:1000") } && lines.contains { $0.hasPrefix("/root-su file 4755 0:0") })
        let status = try #require(try FD.open(outside.path, O_RDONLY).status(of: FileName(own: "victim")))
        #expect(status.mode == 0o600 && status.uid == 0)
    }

    @Test("a default ACL of a directory does not reach the layer's own files, and an ACL as text is set")
    func accessLists() throws {
        let acl = Array("user::rwx,user:1000:rwx,group::r-x,mask::rwx,other::---".utf8)
        let image = try store.load(
            scratch.write(
                "a.tar",
                dockerArchive(layers: [
                    TarWriter([
                        .init(path: "d", type: "5", mode: 0o750, pax: [("SCHILY.acl.default", acl)]), .file("d/plain", "x", mode: 0o640),
                        .init(
                            path: "d/listed", mode: 0o670,
                            pax: [("SCHILY.acl.access", Array("user::rw-\nuser:joe:rwx:77\ngroup::r--\nmask::rwx\nother::---".utf8))]),
                    ]).bytes
                ])), name: nil, progress: nil)[0]
        let lines = try describeTree("\(store.root)/overlay/layers/\(Store.hex(image.chain[0]))/diff")
        #expect(lines.contains { $0.hasPrefix("/d directory 750") && $0.contains("system.posix_acl_default=") })
        #expect(lines.contains { $0.hasPrefix("/d/plain file 640") && !$0.contains("posix_acl") })
        #expect(lines.contains { $0.hasPrefix("/d/listed file 670") && $0.contains("system.posix_acl_access=[2, 0, 0, 0, 1, 0, 6, 0") })
        #expect(
            try refusal2([.init(path: "f", pax: [("SCHILY.acl.access", Array("user::rw-,user:joe:rwx,group::r--,other::---".utf8))])])
                .contains(
                    "access control list"))
    }

    private func refusal2(_ members: [TarWriter.Member]) throws -> String {
        do {
            _ = try store.load(
                scratch.write("b.tar", dockerArchive(layers: [TarWriter(members).bytes], tags: ["b:1"])), name: nil, progress: nil)
            return ""
        } catch {
            return "\(error)"
        }
    }
}
