import Foundation
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import TaskClient
import Testing

/// The shim made here as a process, called as containerd calls it.
@Suite("the shim's calls", .serialized, .enabled(if: ShimUnderTest.canRun, "needs root, containerd's shim, runc, busybox"))
struct TaskAPIShimTests {
    private func withShim(_ arguments: [String] = ["sleep", "1000"], _ body: (ShimFixture) async throws -> Void) async throws {
        let shim = try await ShimFixture(.swiftlet, arguments: arguments)
        do { try await body(shim) } catch { Issue.record("\(error)") }
        await shim.end()
    }

    @Test("Pids names the exec that a process is")
    func pids() async throws {
        try await withShim { shim in
            let pid = try await shim.task.create(shim.createRequest)
            _ = try await shim.task.start(shim.id)
            try await shim.task.exec(shim.execRequest("e1"))
            let other = try await shim.task.start(shim.id, exec: "e1")
            let found = try await shim.task.pids(shim.id)
            #expect(Set(found.map(\.pid)) == [pid, other])
            for process in found {
                #expect(process.hasInfo == (process.pid == other))
                guard process.hasInfo else { continue }
                #expect(process.info.typeURL == "containerd.runc.v1.ProcessDetails")
                #expect(try Containerd_Runc_V1_ProcessDetails(serializedBytes: process.info.value).execID == "e1")
            }
        }
    }

    @Test("Update takes linux.resources as JSON under containerd's type, and Stats shows what became of it", arguments: ["", "runc"])
    func update(_ runtime: String) async throws {
        try await withShim { shim in
            var request = shim.createRequest
            request.options.typeURL = "containerd.runc.v1.Options"
            request.options.value = try Containerd_Runc_V1_Options.with {
                $0.binaryName = runtime
                $0.root = "/run/swiftlet-test/\(shim.id)/root"
            }.serializedBytes()
            _ = try await shim.task.create(request)
            _ = try await shim.task.start(shim.id)
            var resources = Google_Protobuf_Any()
            resources.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"
            resources.value = Data(#"{"memory":{"limit":67108864},"pids":{"limit":77}}"#.utf8)
            try await shim.task.update(shim.id, resources: resources)
            let stats = try await shim.task.stats(shim.id)
            if stats.typeURL == "io.containerd.cgroups.v1.Metrics" {
                let metrics = try Io_Containerd_Cgroups_V1_Metrics(serializedBytes: stats.value)
                #expect(metrics.memory.usage.limit == 67_108_864 && metrics.pids.limit == 77 && metrics.pids.current >= 1)
            } else {
                #expect(stats.typeURL == "io.containerd.cgroups.v2.Metrics")
                let metrics = try Io_Containerd_Cgroups_V2_Metrics(serializedBytes: stats.value)
                #expect(metrics.memory.usageLimit == 67_108_864 && metrics.pids.limit == 77 && metrics.pids.current >= 1)
            }
        }
    }

    @Test("the sandbox service: from CreateSandbox to the end of the shim, with two containers and what they share")
    func sandbox() async throws {
        try await withShim { shim in
            let service = "containerd.runtime.sandbox.v1.Sandbox"
            func call<Q: Message, A: Message>(_ method: String, _ request: Q, _ seconds: Int = 20) async throws -> A {
                try await shim.client.unary(service, method, request, timeout: .seconds(seconds))
            }
            let named = Containerd_Runtime_Sandbox_V1_PingRequest.with { $0.sandboxID = shim.id }
            do {
                let _: Containerd_Runtime_Sandbox_V1_PingResponse = try await call("PingSandbox", named)
                Issue.record("a sandbox that was never made answers")
            } catch let error as Status { #expect(error.code == .notFound) }
            let create = Containerd_Runtime_Sandbox_V1_CreateSandboxRequest.with {
                ($0.sandboxID, $0.bundlePath) = (shim.id, shim.bundle)
            }
            let _: Containerd_Runtime_Sandbox_V1_CreateSandboxResponse = try await call("CreateSandbox", create)
            let started: Containerd_Runtime_Sandbox_V1_StartSandboxResponse = try await call("StartSandbox", named)
            #expect(started.pid > 1 && started.hasCreatedAt)
            let status: Containerd_Runtime_Sandbox_V1_SandboxStatusResponse = try await call("SandboxStatus", named)
            #expect(status.state == "SANDBOX_READY" && status.pid == started.pid && !status.hasExitedAt)
            let platform: Containerd_Runtime_Sandbox_V1_PlatformResponse = try await call("Platform", named)
            #expect(platform.platform.os == "linux" && !platform.platform.architecture.isEmpty)
            let own = try FD.open("/proc/self/ns", O_RDONLY | O_DIRECTORY)
            let theirs = try FD.open("/proc/\(started.pid)/ns", O_RDONLY | O_DIRECTORY)
            #expect(try own.readLink("ipc") != theirs.readLink("ipc") && own.readLink("net") == theirs.readLink("net"))
            // Two tasks of other names than the shim's.
            for name in ["one", "two"] {
                let request = try shim.createRequest(name)
                _ = try await shim.task.create(request)
                _ = try await shim.task.start(request.id)
            }
            try await shim.task.shutdown(shim.id)
            #expect(try await shim.task.state("\(shim.id)-one").status == .running)
            let wait = Task {
                let answer: Containerd_Runtime_Sandbox_V1_WaitSandboxResponse = try await call("WaitSandbox", named)
                return answer
            }
            let _: Containerd_Runtime_Sandbox_V1_StopSandboxResponse = try await call("StopSandbox", named)
            #expect(try await wait.value.hasExitedAt)
            let over: Containerd_Runtime_Sandbox_V1_SandboxStatusResponse = try await call("SandboxStatus", named)
            #expect(over.state == "SANDBOX_NOTREADY" && over.pid == 0 && over.hasExitedAt)
            for name in ["one", "two"] {
                #expect(try await shim.task.wait("\(shim.id)-\(name)", timeout: .seconds(5)).exitStatus == 137)
                _ = try await shim.task.delete("\(shim.id)-\(name)")
            }
            let _: Containerd_Runtime_Sandbox_V1_ShutdownSandboxResponse = try await call("ShutdownSandbox", named)
            await shim.client.waitForClose()
        }
    }

    @Test("-info tells of the features that containerd asks for, and of another runtime's by its options")
    func information() throws {
        let shim = ShimUnderTest.swiftlet.program
        let plain = try runProgram(shim, ["-info"], environment: [], directory: nil, deadline: 20_000_000_000)
        let info = try Containerd_Types_RuntimeInfo(serializedBytes: plain.stdout)
        #expect(info.name == "io.containerd.swiftlet.v2" && !info.version.version.isEmpty && !info.hasOptions)
        #expect(info.features.typeURL == "types.opencontainers.org/opencontainers/runtime-spec/1/features/Features")
        let features = try JSONSerialization.jsonObject(with: info.features.value) as? [String: Any]
        let linux = features?["linux"] as? [String: Any]
        #expect((linux?["namespaces"] as? [String])?.contains("user") == true)
        #expect((features?["mountOptions"] as? [String])?.contains("rro") == true)
        let extensions = linux?["mountExtensions"] as? [String: [String: Bool]]
        #expect(extensions?["idmap"]?["enabled"] == true)
    }
}
