import Foundation
import Messages
import SwiftProtobuf
import TTRPC
import TaskAPI
import Testing

@Suite("options and bootstrap as values") struct TaskAPIOptionTests {
    private func any(_ type: String, _ message: some Message) throws -> AnyValue {
        AnyValue(typeURL: type, value: try message.serializedBytes())
    }

    @Test("runc's options are read, every field", arguments: ["", "types.googleapis.com/"])
    func runcOptions(_ host: String) throws {
        let message = Containerd_Runc_V1_Options.with {
            ($0.noPivotRoot, $0.noNewKeyring, $0.systemdCgroup) = (true, true, true)
            ($0.binaryName, $0.root, $0.ioUid, $0.ioGid, $0.shimCgroup) = ("runc", "/r", 7, 8, "/s")
            ($0.criuPath, $0.criuImagePath, $0.criuWorkPath) = ("/criu", "/i", "/w")
            ($0.taskApiAddress, $0.taskApiVersion) = ("ttrpc+unix:///x", 3)
        }
        guard case .runc(let options) = try CreateOptions(any("\(host)containerd.runc.v1.Options", message)) else {
            Issue.record("other options")
            return
        }
        #expect(options.noPivotRoot && options.systemdCgroup && options.noNewKeyring)
        #expect(
            options.binaryName == "runc" && options.root == "/r" && options.ioUID == 7 && options.ioGID == 8 && options.shimCgroup == "/s")
        #expect(options.criuPath == "/criu" && options.criuImagePath == "/i" && options.criuWorkPath == "/w")
        #expect(options.taskAPIAddress == "ttrpc+unix:///x" && options.taskAPIVersion == 3)
    }

    @Test("the options of containerd 1.0 mean the same under their own numbers")
    func oldOptions() throws {
        let message = Containerd_Linux_Runc_CreateOptions.with {
            ($0.noPivotRoot, $0.noNewKeyring, $0.ioUid, $0.ioGid, $0.shimCgroup) = (true, true, 7, 8, "/s")
            ($0.criuImagePath, $0.criuWorkPath) = ("/i", "/w")
        }
        guard case .runc(let options) = try CreateOptions(any("containerd.linux.runc.CreateOptions", message)) else {
            Issue.record("other options")
            return
        }
        #expect(options.noPivotRoot && options.noNewKeyring && options.ioUID == 7 && options.ioGID == 8 && options.shimCgroup == "/s")
        #expect(options.criuImagePath == "/i" && options.criuWorkPath == "/w" && options.binaryName == "")
    }

    @Test("options as TOML or a path of it arrive as they are")
    func configured() throws {
        let message = Runtimeoptions_V1_Options.with {
            ($0.typeURL, $0.configPath, $0.configBody) = ("t", "/p", Data("x".utf8))
        }
        guard case .configured(let options) = try CreateOptions(any("runtimeoptions.v1.Options", message)) else {
            Issue.record("other options")
            return
        }
        #expect(options.typeURL == "t" && options.path == "/p" && options.body == Array("x".utf8))
        #expect(try CreateOptions(nil) == .none && CreateOptions(AnyValue(typeURL: "", value: [])) == .none)
    }

    @Test("options of another type, or that do not decode, are refused by their name")
    func refused() {
        do {
            _ = try CreateOptions(AnyValue(typeURL: "x.Y", value: []))
            Issue.record("x.Y was taken")
        } catch { #expect(error.message.contains("type x.Y") && error.message.contains("runtimeoptions.v1.Options")) }
        #expect(throws: Status(.invalidArgument, "payload is no containerd.runc.v1.Options")) {
            try CreateOptions(AnyValue(typeURL: "containerd.runc.v1.Options", value: [0xff]))
        }
    }

    @Test("options of a checkpoint in both their forms")
    func checkpointOptions() throws {
        let message = Containerd_Runc_V1_CheckpointOptions.with {
            ($0.exit, $0.openTcp, $0.externalUnixSockets, $0.terminal, $0.fileLocks) = (true, true, true, true, true)
            ($0.emptyNamespaces, $0.cgroupsMode, $0.imagePath, $0.workPath, $0.parentPath) = (["network"], "soft", "/i", "/w", "p")
        }
        var options = try CheckpointOptions(any("containerd.runc.v1.CheckpointOptions", message))
        let old = Containerd_Linux_Runc_CheckpointOptions.with {
            ($0.exit, $0.openTcp, $0.externalUnixSockets, $0.terminal, $0.fileLocks) = (true, true, true, true, true)
            ($0.emptyNamespaces, $0.cgroupsMode, $0.imagePath, $0.workPath) = (["network"], "soft", "/i", "/w")
        }
        #expect(options.exit && options.parentPath == "p" && options.imagePath == "/i" && options.workPath == "/w")
        options.parentPath = ""
        #expect(try CheckpointOptions(any("containerd.linux.runc.CheckpointOptions", old)) == options)
        #expect(throws: Status.self) { try CheckpointOptions(AnyValue(typeURL: "x.Y", value: [])) }
    }

    @Test("bootstrap parameters and their answer are the messages of containerd 2.3")
    func bootstrap() throws {
        let message = Containerd_Runtime_Bootstrap_V1_BootstrapParams.with {
            ($0.instanceID, $0.namespace, $0.logLevel) = ("c1", "ns", .debug)
            ($0.containerdTtrpcAddress, $0.containerdGrpcAddress, $0.socketDir) = ("/t", "/g", "/run/d")
            $0.extensions = [.with { $0.value.typeURL = "containerd.runc.v1.Options" }]
        }
        let parameters = try BootstrapParameters(message.serializedBytes())
        #expect(parameters.instanceID == "c1" && parameters.namespace == "ns" && parameters.logLevel == -4)
        #expect(parameters.ttrpcAddress == "/t" && parameters.grpcAddress == "/g" && parameters.socketDirectory == "/run/d")
        #expect(parameters.extensions == [AnyValue(typeURL: "containerd.runc.v1.Options", value: [])])
        let answer = try Containerd_Runtime_Bootstrap_V1_BootstrapResult(
            serializedBytes: BootstrapResult(version: 3, address: "unix:///s").encoded)
        #expect(answer.version == 3 && answer.address == "unix:///s" && answer.protocol == "ttrpc")
    }

    @Test("a runtime's information is containerd's message, options and features in it")
    func information() throws {
        let options = AnyValue(typeURL: "o", value: [1]), features = AnyValue(typeURL: "f", value: [2])
        let info = try Containerd_Types_RuntimeInfo(
            serializedBytes: RuntimeInfo(name: "n", version: "v", options: options, features: features).encoded)
        #expect(info.name == "n" && info.version.version == "v")
        #expect(info.options.typeURL == "o" && info.features.value == Data([2]))
    }

    @Test("every call of the sandbox service is read, and every answer is its message")
    func sandbox() throws {
        func call(_ method: String, _ message: some Message) throws -> SandboxCall {
            try SandboxCall(RequestEnvelope(service: SandboxCall.service, method: method, payload: try message.serializedBytes()))
        }
        let create = Containerd_Runtime_Sandbox_V1_CreateSandboxRequest.with {
            ($0.sandboxID, $0.bundlePath, $0.netnsPath) = ("s", "/b", "/n")
        }
        #expect(try call("CreateSandbox", create) == .create(id: "s", bundle: "/b", netns: "/n"))
        let stop = Containerd_Runtime_Sandbox_V1_StopSandboxRequest.with { ($0.sandboxID, $0.timeoutSecs) = ("s", 3) }
        #expect(try call("StopSandbox", stop) == .stop(id: "s", seconds: 3))
        let status = Containerd_Runtime_Sandbox_V1_SandboxStatusRequest.with { ($0.sandboxID, $0.verbose) = ("s", true) }
        #expect(try call("SandboxStatus", status) == .status(id: "s", verbose: true))
        let named = Containerd_Runtime_Sandbox_V1_PingRequest.with { $0.sandboxID = "s" }
        let calls: [(String, SandboxCall)] = [
            ("StartSandbox", .start(id: "s")), ("Platform", .platform(id: "s")), ("WaitSandbox", .wait(id: "s")),
            ("PingSandbox", .ping(id: "s")), ("ShutdownSandbox", .shutdown(id: "s")), ("SandboxMetrics", .metrics(id: "s")),
        ]
        for (method, wanted) in calls { #expect(try call(method, named) == wanted) }
        #expect(throws: Status.self) { try call("UpdateSandbox", named) }
        let state = SandboxState(id: "s", pid: 4, state: "SANDBOX_READY", createdAt: 5_000_000_006, exitedAt: 7)
        let answer = try Containerd_Runtime_Sandbox_V1_SandboxStatusResponse(serializedBytes: SandboxReply.status(state).encoded)
        #expect(answer.sandboxID == "s" && answer.pid == 4 && answer.state == "SANDBOX_READY")
        #expect(answer.createdAt.seconds == 5 && answer.createdAt.nanos == 6 && answer.exitedAt.nanos == 7)
        let platform = try Containerd_Runtime_Sandbox_V1_PlatformResponse(
            serializedBytes: SandboxReply.platform(os: "linux", architecture: "amd64", variant: "").encoded)
        #expect(platform.platform.os == "linux" && platform.platform.architecture == "amd64")
        let metrics = try Containerd_Runtime_Sandbox_V1_SandboxMetricsResponse(
            serializedBytes: SandboxReply.metrics(id: "s", at: 9, nil).encoded)
        #expect(metrics.metrics.id == "s" && metrics.metrics.timestamp.nanos == 9 && !metrics.metrics.hasData)
    }
}
