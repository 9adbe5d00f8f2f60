import Foundation
import Messages
import OCI
import TTRPC
import Testing

@testable import Plugin

@Suite("CDI devices") struct CDITests {
    static let json = """
        {"cdiVersion":"0.6.0","kind":"example.com/net","containerEdits":{"env":["KIND=net"]},
         "devices":[{"name":"one","containerEdits":{"deviceNodes":[{"path":"/dev/cdi-null","hostPath":"/dev/null","permissions":"rw"}]}},
                    {"name":"two","containerEdits":{"env":["TWO=2"],"additionalGids":[77]}}]}
        """
    static let yaml = """
        cdiVersion: "0.5.0"
        kind: example.com/gpu
        devices:
          - name: "0"
            containerEdits:
              env: ["GPU=0"]
              mounts:
                - {hostPath: /tmp, containerPath: /gpu, options: [ro, bind]}
              hooks:
                - {hookName: createContainer, path: /bin/true, args: ["true", "x"], timeout: 5}
        """

    static func with(_ files: [String: String], _ body: (CDIRegistry) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "swl-cdi-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (name, text) in files {
            let path = "\(directory)/\(name)"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        }
        try body(CDIRegistry(directories: ["\(directory)/a", "\(directory)/b", "\(directory)/none"]))
    }

    @Test("devices of JSON and YAML files; what a file says for all its devices is there once") func found() throws {
        try Self.with(["a/net.json": Self.json, "b/gpu.yaml": Self.yaml]) { registry in
            #expect(registry.faults == [])
            let edits = try registry.edits(for: ["example.com/net=one", "example.com/net=two", "example.com/gpu=0"])
            #expect(edits.environment == ["KIND=net", "TWO=2", "GPU=0"] && edits.groups == [77])
            #expect(edits.mounts.first?.containerPath == "/gpu" && edits.hooks.first?.timeout == 5)
        }
    }

    @Test("a later directory hides an earlier one; twice in one directory is an error, and so is what is nowhere") func priorities() throws
    {
        let other = Self.json.replacingOccurrences(of: "KIND=net", with: "KIND=other")
        try Self.with(["a/net.json": Self.json, "b/net.json": other]) { registry in
            let edits = try registry.edits(for: ["example.com/net=two"])
            #expect(edits.environment == ["KIND=other", "TWO=2"])
        }
        try Self.with(["a/net.json": Self.json, "a/net2.json": other, "a/bad.json": "{"]) { registry in
            let twice = #expect(throws: PluginError.self) { try registry.edits(for: ["example.com/net=two"]) }
            #expect(twice?.description.contains("several") ?? false)
            let none = #expect(throws: PluginError.self) { try registry.edits(for: ["example.com/net=three"]) }
            #expect(none?.description.contains("bad.json") ?? false)
            #expect(none?.status.code == .invalidArgument)
            #expect(throws: PluginError.self) { try registry.edits(for: ["example.com/net"]) }
        }
    }

    @Test("what a device brings is written into the container's configuration") func applied() throws {
        try Self.with(["a/net.json": Self.json, "b/gpu.yaml": Self.yaml]) { registry in
            var document = try JSON(parsing: Array(#"{"process":{"env":["KIND=old","A=b"]}}"#.utf8))
            try registry.edits(for: ["example.com/net=one", "example.com/net=two", "example.com/gpu=0"]).apply(to: &document)
            #expect(document["process"]?["env"]?.array?.map(\.string) == ["A=b", "KIND=net", "TWO=2", "GPU=0"])
            #expect(document["process"]?["user"]?["additionalGids"] == [77])
            #expect(document["linux"]?["devices"]?.array?.first?["path"] == "/dev/cdi-null")
            #expect(document["linux"]?["resources"]?["devices"]?.array?.first?["access"] == "rw")
            #expect(document["mounts"]?.array?.first?["destination"] == "/gpu")
            #expect(document["hooks"]?["createContainer"]?.array?.first?["path"] == "/bin/true")
        }
    }

    @Test("devices are asked for by field or by annotation, each once") func names() {
        var config = Runtime_V1_ContainerConfig()
        config.cdiDevices = [.init()]
        config.cdiDevices[0].name = "a/b=c"
        config.annotations = ["cdi.k8s.io/x": "a/b=c,a/b=d", "other": "a/b=e"]
        #expect(CDIRegistry.names(of: config) == ["a/b=c", "a/b=d"])
    }
}
