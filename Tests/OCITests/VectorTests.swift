import Foundation
import OCI
import Testing

/// The runtime-spec's own examples, from `../shared/vectors` beside the package.
enum Vectors {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared/vectors/runtime-spec/test")
        .standardized.path
    static let arePresent = FileManager.default.fileExists(atPath: folder)

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name).json"))) }
}

@Suite("the runtime-spec's examples", .enabled(if: Vectors.arePresent, "needs ../shared/vectors"))
struct VectorTests {
    @Test("good configurations are read", arguments: ["minimal", "minimal-for-start", "linux-rdma", "linux-netdevice"])
    func good(_ name: String) throws {
        let spec = try RuntimeSpec(json: Vectors.bytes("config/good/\(name)"))
        #expect(spec.version == "1.0.0")
        #expect(spec.root == (try RuntimeSpec(json: Vectors.bytes("config/good/minimal"))).root)
    }

    @Test("values of the good examples arrive")
    func values() throws {
        let process = try #require(RuntimeSpec(json: Vectors.bytes("config/good/minimal-for-start")).process)
        #expect(process.args == ["sh"])
        #expect(process.cwd == "/")
        #expect(process.user == UserSpec(uid: 0, gid: 0))
        let rdma = try RuntimeSpec(json: Vectors.bytes("config/good/linux-rdma")).linux.resources?.rdma
        #expect(rdma?.map(\.device) == ["mlx5_1", "mlx4_0", "rxe3"])
        #expect(rdma?.map(\.handles) == [3, nil, nil])
    }

    @Test(
        "good configurations that ask for what is not done are refused by the field's name",
        arguments: [
            ("freebsd-example", "freebsd"), ("freebsd-minimal", "freebsd"), ("zos-minimal", "zos"),
            ("spec-example", "ociVersion"), ("zos-example", "ociVersion"),
        ])
    func unsupported(_ name: String, _ field: String) throws {
        let bytes = try Vectors.bytes("config/good/\(name)")
        #expect { try RuntimeSpec(json: bytes) } throws: { error in
            guard case SpecError.unsupported(field: field, reason: _)? = error as? SpecError else { return false }
            return true
        }
    }

    @Test(
        "bad configurations are refused by the field's name",
        arguments: [
            ("freebsd-vnet-disable", "freebsd"), ("linux-hugepage", "linux.resources.hugepageLimits[0].pageSize"),
            ("linux-netdevice", "linux.netDevices.eth0.name"),
            ("linux-rdma", "linux.resources.rdma.mlx5_1.hcaHandles"), ("invalid-json", "invalid JSON at line 1, column 2"),
        ])
    func bad(_ name: String, _ head: String) throws {
        let bytes = try Vectors.bytes("config/bad/\(name)")
        let error = #expect(throws: SpecError.self) { try RuntimeSpec(json: bytes) }
        #expect("\(try #require(error))".hasPrefix("\(head): "))
    }

    @Test("the example of a state is read, and written as it was")
    func state() throws {
        let bytes = try Vectors.bytes("state/good/spec-example")
        let state = try ContainerState(json: bytes)
        #expect(state.status == .running)
        #expect(state.pid == 4422)
        #expect(state.json == (try JSON(parsing: bytes)))
        #expect(throws: SpecError.self) { try ContainerState(json: Vectors.bytes("state/bad/invalid-json")) }
    }

    @Test("what `runc spec` writes is read", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/sbin/runc"), "needs runc"))
    func runc() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spec-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for arguments in [["spec"], ["spec", "--rootless"]] {
            try? FileManager.default.removeItem(at: folder.appending(path: "config.json"))
            let runc = Process()
            runc.executableURL = URL(filePath: "/usr/sbin/runc")
            runc.arguments = arguments
            runc.currentDirectoryURL = folder
            try runc.run()
            runc.waitUntilExit()
            let spec = try RuntimeSpec(json: [UInt8](Data(contentsOf: folder.appending(path: "config.json"))))
            #expect(spec.process?.terminal == true)
            #expect(spec.hostname == "runc")
            #expect(spec.linux.maskedPaths.contains("/proc/kcore"))
            #expect(spec.mounts.map(\.destination).prefix(2) == ["/proc", "/dev"])
            #expect((spec.linux.namespace(.user) != nil) == (arguments.count == 2))
        }
    }
}
