import Foundation
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import TaskAPI
import Testing

private func call(_ method: String, _ message: some Message) throws(Status) -> TaskCall {
    let bytes: [UInt8]
    do { bytes = try message.serializedBytes() } catch { throw Status(.internal, "\(error)") }
    return try TaskCall(service: "containerd.task.v2.Task", method: method, payload: bytes)
}

private func any(_ url: String, _ bytes: [UInt8]) -> Google_Protobuf_Any {
    var any = Google_Protobuf_Any()
    any.typeURL = url
    any.value = Data(bytes)
    return any
}

/// The C and the Swift codec must agree: what one writes the other reads.
@Suite("task calls, replies and events against swift-protobuf") struct TaskAPITests {
    @Test("envelopes are the same bytes from both codecs, and read back by both")
    func envelopes() {
        let request = RequestEnvelope(
            service: "containerd.task.v3.Task", method: "Wait", payload: [0, 1, 255], timeout: 5_000_000_000,
            metadata: [.init(key: "containerd-namespace-ttrpc", value: "k8s.io"), .init(key: "k", value: "")])
        #expect(ProtobufCEnvelope.encode(request) == SwiftProtobufEnvelope.encode(request))
        #expect(ProtobufCEnvelope.decodeRequest(SwiftProtobufEnvelope.encode(request)) == request)
        #expect(SwiftProtobufEnvelope.decodeRequest(ProtobufCEnvelope.encode(request)) == request)
        for response in [
            ResponseEnvelope(payload: [0, 7]), ResponseEnvelope(status: Status(.notFound, "task ä: not found")), ResponseEnvelope(),
        ] {
            #expect(ProtobufCEnvelope.encode(response) == SwiftProtobufEnvelope.encode(response))
            #expect(ProtobufCEnvelope.decodeResponse(SwiftProtobufEnvelope.encode(response)) == response)
            #expect(SwiftProtobufEnvelope.decodeResponse(ProtobufCEnvelope.encode(response)) == response)
        }
    }

    @Test("a status code that does not exist becomes unknown")
    func strangeStatus() {
        var message = Ttrpc_Response()
        message.status.code = 99
        message.status.message = "odd"
        let bytes: [UInt8] = (try? message.serializedBytes()) ?? []
        #expect(ProtobufCEnvelope.decodeResponse(bytes)?.status == Status(.unknown, "status 99: odd"))
        #expect(SwiftProtobufEnvelope.decodeResponse(bytes)?.status == Status(.unknown, "status 99: odd"))
    }

    @Test("Create comes with its mounts, streams and options")
    func create() throws {
        var message = Containerd_Task_V2_CreateTaskRequest()
        message.id = "c1"
        message.bundle = "/run/b"
        for name in ["a", "b"] {
            var mount = Containerd_Types_Mount()
            mount.type = "overlay"
            mount.source = name
            mount.target = "/t"
            mount.options = ["lowerdir=/x:/y", "ro"]
            message.rootfs.append(mount)
        }
        message.terminal = true
        message.stdin = "in"
        message.stdout = "out"
        message.stderr = "err"
        message.checkpoint = "cp"
        message.parentCheckpoint = "pcp"
        message.options = any("containerd.runc.v1.Options", [0, 1])
        let mounts = ["a", "b"].map { TaskMount(type: "overlay", source: $0, target: "/t", options: ["lowerdir=/x:/y", "ro"]) }
        let wanted = CreateTask(
            id: "c1", bundle: "/run/b", rootfs: mounts, io: TaskIO(stdin: "in", stdout: "out", stderr: "err", terminal: true),
            checkpoint: "cp", parentCheckpoint: "pcp", options: AnyValue(typeURL: "containerd.runc.v1.Options", value: [0, 1]))
        #expect(try call("Create", message) == .create(wanted))
        #expect(try call("Create", Containerd_Task_V2_CreateTaskRequest()) == .create(CreateTask(id: "", bundle: "")))
    }

    @Test("Exec, Kill, ResizePty, CloseIO, Checkpoint, Shutdown and Update come with their arguments")
    func arguments() throws {
        let exec = Containerd_Task_V2_ExecProcessRequest.with {
            ($0.id, $0.execID, $0.terminal, $0.stdin, $0.stdout, $0.stderr) = ("c", "e", true, "i", "o", "r")
            $0.spec = any("types.containerd.io/opencontainers/runtime-spec/1/Process", Array("{}".utf8))
        }
        let spec = AnyValue(typeURL: "types.containerd.io/opencontainers/runtime-spec/1/Process", value: Array("{}".utf8))
        let io = TaskIO(stdin: "i", stdout: "o", stderr: "r", terminal: true)
        #expect(try call("Exec", exec) == .exec(ExecProcess(id: "c", execID: "e", io: io, spec: spec)))
        #expect(spec.typeName == "Process")
        let kill = Containerd_Task_V2_KillRequest.with { ($0.id, $0.execID, $0.signal, $0.all) = ("c", "e", 9, true) }
        #expect(try call("Kill", kill) == .kill(id: "c", execID: "e", signal: 9, all: true))
        let resize = Containerd_Task_V2_ResizePtyRequest.with { ($0.id, $0.execID, $0.width, $0.height) = ("c", "e", 80, 24) }
        #expect(try call("ResizePty", resize) == .resizePty(id: "c", execID: "e", width: 80, height: 24))
        let close = Containerd_Task_V2_CloseIORequest.with { ($0.id, $0.execID, $0.stdin) = ("c", "e", true) }
        #expect(try call("CloseIO", close) == .closeIO(id: "c", execID: "e", stdin: true))
        let checkpoint = Containerd_Task_V2_CheckpointTaskRequest.with { ($0.id, $0.path, $0.options) = ("c", "/p", any("o", [1])) }
        #expect(try call("Checkpoint", checkpoint) == .checkpoint(id: "c", path: "/p", options: AnyValue(typeURL: "o", value: [1])))
        #expect(
            try call("Shutdown", Containerd_Task_V2_ShutdownRequest.with { ($0.id, $0.now) = ("c", true) }) == .shutdown(id: "c", now: true)
        )
        let update = Containerd_Task_V2_UpdateTaskRequest.with {
            $0.id = "c"
            $0.resources = any("r", [1])
            $0.annotations = ["k": "v"]
        }
        #expect(
            try call("Update", update)
                == .update(id: "c", resources: AnyValue(typeURL: "r", value: [1]), annotations: [.init(key: "k", value: "v")]))
    }

    @Test("calls with one or two names")
    func names() throws {
        let process = Containerd_Task_V2_StateRequest.with { ($0.id, $0.execID) = ("c", "e") }
        #expect(try call("State", process) == .state(id: "c", execID: "e"))
        #expect(try call("Start", process) == .start(id: "c", execID: "e"))
        #expect(try call("Delete", process) == .delete(id: "c", execID: "e"))
        #expect(try call("Wait", process) == .wait(id: "c", execID: "e"))
        let container = Containerd_Task_V2_PidsRequest.with { $0.id = "c" }
        #expect(try call("Pids", container) == .pids(id: "c"))
        #expect(try call("Pause", container) == .pause(id: "c"))
        #expect(try call("Resume", container) == .resume(id: "c"))
        #expect(try call("Stats", container) == .stats(id: "c"))
        #expect(try call("Connect", container) == .connect(id: "c"))
        #expect(try TaskCall(service: "containerd.task.v3.Task", method: "Connect", payload: [10, 1, 0x63]) == .connect(id: "c"))
    }

    @Test("an unknown service or method is unimplemented, and named")
    func unimplemented() {
        #expect(throws: Status(.unimplemented, "service x is not served here")) { try TaskCall(service: "x", method: "State", payload: []) }
        #expect(throws: Status(.unimplemented, "method containerd.task.v2.Task/Nap is not served here")) {
            try TaskCall(service: "containerd.task.v2.Task", method: "Nap", payload: [])
        }
    }

    @Test(
        "a payload that is no such message is an invalid argument",
        arguments: [
            [0xff], [0x0a, 5, 0x61], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0x08, 1], [0, 0], [0x0b, 0x0c],
            [0x0a, 3, 0x61, 0, 0x62], [0x0a, 2, 0xc3, 0x28], [0x0d, 1, 2],
        ] as [[UInt8]])
    func garbage(_ bytes: [UInt8]) {
        for method in ["State", "Pids", "Kill", "Create", "Exec"] {
            do {
                let call = try TaskCall(service: "containerd.task.v2.Task", method: method, payload: bytes)
                Issue.record("\(method) took \(bytes): \(call)")
            } catch { #expect(error.code == .invalidArgument) }
        }
    }

    @Test("a NUL or bad UTF-8 deep inside is found, in the bytes of an Any it is data")
    func deepStrings() throws {
        var message = Containerd_Task_V2_CreateTaskRequest()
        message.options = any("u", [0, 0xff])
        #expect(throws: Never.self) { try call("Create", message) }
        message.rootfs = [Containerd_Types_Mount.with { $0.options = ["ok", "a\0b"] }]
        #expect(throws: Status.self) { try call("Create", message) }
    }

    @Test("unknown fields of a newer peer are passed over")
    func unknownFields() throws {
        #expect(
            try TaskCall(service: "containerd.task.v2.Task", method: "Pids", payload: [10, 1, 0x63, 0xfa, 0x3e, 1, 0]) == .pids(id: "c"))
    }
}
