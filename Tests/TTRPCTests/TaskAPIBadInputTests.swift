import Foundation
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC
import TaskClient
import Testing

/// What a call that cannot be met is answered with: by the shim made here and by containerd's own, call by call.
@Suite(
    "bad calls, beside containerd's shim", .serialized, .enabled(if: ShimUnderTest.canRun, "needs root, containerd's shim, runc, busybox"))
struct TaskAPIBadInputTests {
    typealias Answer = (call: String, status: Status?)

    /// Where the codes differ, and why that is better. containerd's shim says `unknown` for most of what is wrong.
    static let better: [String: (StatusCode, String)] = [
        "created: CloseIO process": (.notFound, "as of every other call on a process that is not there; containerd forgets it for this one")
    ]

    @Test("every bad call has the code that containerd's shim gives it, names what it is about, and changes nothing")
    func table() async throws {
        var answers: [ShimUnderTest: [Answer]] = [:]
        for shim in ShimUnderTest.allCases {
            let fixture = try await ShimFixture(shim)
            do { answers[shim] = try await Self.play(fixture) } catch { Issue.record("\(shim): \(error)") }
            await fixture.end()
        }
        let ours = answers[.swiftlet] ?? []
        let theirs = answers[.containerd] ?? []
        #expect(ours.map(\.call) == theirs.map(\.call))
        for (mine, other) in zip(ours, theirs) {
            let wanted = Self.better[mine.call]?.0 ?? other.status?.code ?? .ok
            #expect(
                (mine.status?.code ?? .ok) == wanted,
                "\(mine.call): \(mine.status?.message ?? "") instead of \(other.status?.message ?? "")")
            if let message = mine.status?.message { #expect(!message.isEmpty && !message.contains("\n"), "\(mine.call): \(message)") }
        }
    }

    private static func play(_ shim: ShimFixture) async throws -> [Answer] {
        var answers: [Answer] = []
        func note(_ phase: String, _ calls: [(String, any Message)]) async {
            for (name, message) in calls {
                let method = name.split(separator: " ")[0]
                answers.append(("\(phase): \(name)", await shim.status(String(method), message)))
            }
        }
        await note("no task", everyCall("nobody"))
        await note("no task", badCreates(shim))
        // Whose the bundle is makes no difference to one that runs as root.
        #expect(unsafe chown(shim.bundle, 1234, 1234) == 0)
        _ = try await shim.task.create(shim.createRequest)
        await note("created", everyCall("nobody") + processCalls(shim.id, exec: "none") + earlyCalls(shim))
        _ = try await shim.task.start(shim.id)
        try await shim.task.exec(shim.execRequest("e1"))
        _ = try await shim.task.start(shim.id, exec: "e1")
        await note("running", runningCalls(shim))
        try await shim.task.pause(shim.id)
        await note("paused", pausedCalls(shim))
        try await shim.task.resume(shim.id)
        #expect(try await shim.task.state(shim.id).status == .running, "\(shim.shim): changed by a bad call")
        #expect(try await shim.task.pids(shim.id).count == 2, "\(shim.shim): changed by a bad call")
        try await shim.task.kill(shim.id, signal: 9)
        _ = try await shim.task.wait(shim.id, timeout: .seconds(10))
        await note("stopped", stoppedCalls(shim))
        _ = try await shim.task.delete(shim.id)
        await note(
            "deleted",
            [
                ("State", Containerd_Task_V2_StateRequest.with { $0.id = shim.id }),
                ("Delete", Containerd_Task_V2_DeleteRequest.with { $0.id = shim.id }),
            ])
        return answers
    }

    // MARK: the calls

    private static func everyCall(_ id: String) -> [(String, any Message)] {
        processCalls(id, exec: "") + [
            ("Pids unknown", Containerd_Task_V2_PidsRequest.with { $0.id = id }),
            ("Pause unknown", Containerd_Task_V2_PauseRequest.with { $0.id = id }),
            ("Resume unknown", Containerd_Task_V2_ResumeRequest.with { $0.id = id }),
            ("Stats unknown", Containerd_Task_V2_StatsRequest.with { $0.id = id }),
            ("Connect unknown", Containerd_Task_V2_ConnectRequest.with { $0.id = id }),
            ("Checkpoint unknown", Containerd_Task_V2_CheckpointTaskRequest.with { $0.id = id }),
            ("Update unknown", Containerd_Task_V2_UpdateTaskRequest.with { $0.id = id }),
            ("Exec unknown", Containerd_Task_V2_ExecProcessRequest.with { ($0.id, $0.execID) = (id, "e") }),
        ]
    }

    private static func processCalls(_ id: String, exec: String) -> [(String, any Message)] {
        [
            ("State process", Containerd_Task_V2_StateRequest.with { ($0.id, $0.execID) = (id, exec) }),
            ("Start process", Containerd_Task_V2_StartRequest.with { ($0.id, $0.execID) = (id, exec) }),
            ("Delete process", Containerd_Task_V2_DeleteRequest.with { ($0.id, $0.execID) = (id, exec) }),
            ("Wait process", Containerd_Task_V2_WaitRequest.with { ($0.id, $0.execID) = (id, exec) }),
            ("Kill process", Containerd_Task_V2_KillRequest.with { ($0.id, $0.execID, $0.signal) = (id, exec, 9) }),
            ("CloseIO process", Containerd_Task_V2_CloseIORequest.with { ($0.id, $0.execID, $0.stdin) = (id, exec, true) }),
            ("ResizePty process", Containerd_Task_V2_ResizePtyRequest.with { ($0.id, $0.execID, $0.width) = (id, exec, 80) }),
        ]
    }

    private static func badCreates(_ shim: ShimFixture) -> [(String, any Message)] {
        func create(_ change: (inout Containerd_Task_V2_CreateTaskRequest) -> Void) -> any Message {
            var request = shim.createRequest
            change(&request)
            return request
        }
        return [
            ("Create without a bundle", create { $0.bundle = "/nonexistent/bundle" }),
            ("Create with options of an unknown type", create { $0.options = any("x.Y", [0x08, 1]) }),
            ("Create with options that do not decode", create { $0.options = any("containerd.runc.v1.Options", [0xff, 0xff]) }),
            (
                "Create with a rootfs that is not there",
                create {
                    $0.rootfs = [.with { ($0.type, $0.source, $0.options) = ("bind", "/nonexistent/root", ["rbind"]) }]
                }
            ),
            ("Create with a rootfs of an unknown type", create { $0.rootfs = [.with { ($0.type, $0.source) = ("nofs", "x") }] }),
            (
                "Create with a runtime that is not there",
                create {
                    $0.options = any(
                        "containerd.runc.v1.Options",
                        (try? Containerd_Runc_V1_Options.with { $0.binaryName = "no-such" }.serializedBytes()) ?? [])
                }
            ),
        ]
    }

    private static func earlyCalls(_ shim: ShimFixture) -> [(String, any Message)] {
        [
            ("Pause early", Containerd_Task_V2_PauseRequest.with { $0.id = shim.id }),
            ("Resume early", Containerd_Task_V2_ResumeRequest.with { $0.id = shim.id }),
            ("Checkpoint early", Containerd_Task_V2_CheckpointTaskRequest.with { ($0.id, $0.path) = (shim.id, "/tmp/none") }),
        ]
    }

    private static func badExecs(_ shim: ShimFixture) -> [(String, any Message)] {
        var none = shim.execRequest("bad")
        none.clearSpec()
        var garbage = shim.execRequest("bad")
        garbage.spec.value = Data("{".utf8)
        return [
            ("Exec with garbage", garbage), ("Exec with an id twice", shim.execRequest("e1")),
        ]
    }

    private static func runningCalls(_ shim: ShimFixture) -> [(String, any Message)] {
        badExecs(shim) + [
            ("Start twice", Containerd_Task_V2_StartRequest.with { $0.id = shim.id }),
            ("Start an exec twice", Containerd_Task_V2_StartRequest.with { ($0.id, $0.execID) = (shim.id, "e1") }),
            ("Delete while it runs", Containerd_Task_V2_DeleteRequest.with { $0.id = shim.id }),
            ("Delete an exec that runs", Containerd_Task_V2_DeleteRequest.with { ($0.id, $0.execID) = (shim.id, "e1") }),
            ("Resume what runs", Containerd_Task_V2_ResumeRequest.with { $0.id = shim.id }),
            ("Kill with no such signal", Containerd_Task_V2_KillRequest.with { ($0.id, $0.signal) = (shim.id, 99) }),
            ("ResizePty without a terminal", Containerd_Task_V2_ResizePtyRequest.with { ($0.id, $0.width, $0.height) = (shim.id, 80, 24) }),
            (
                "Update with garbage",
                Containerd_Task_V2_UpdateTaskRequest.with { ($0.id, $0.resources) = (shim.id, any("x", Array("{".utf8))) }
            ),
            (
                "Update with a wrong value",
                Containerd_Task_V2_UpdateTaskRequest.with {
                    ($0.id, $0.resources) = (shim.id, any("x", Array(#"{"memory":{"limit":"much"}}"#.utf8)))
                }
            ),
            (
                "Checkpoint with options of an unknown type",
                Containerd_Task_V2_CheckpointTaskRequest.with {
                    ($0.id, $0.path, $0.options) = (shim.id, "/tmp/none", any("x.Y", [1]))
                }
            ),
            (
                "Checkpoint with options that do not decode",
                Containerd_Task_V2_CheckpointTaskRequest.with {
                    ($0.id, $0.path, $0.options) = (shim.id, "/tmp/none", any("containerd.runc.v1.CheckpointOptions", [0xff]))
                }
            ),
        ]
    }

    private static func pausedCalls(_ shim: ShimFixture) -> [(String, any Message)] {
        [
            ("Exec while paused", shim.execRequest("e2")), ("Pause twice", Containerd_Task_V2_PauseRequest.with { $0.id = shim.id }),
            ("Start while paused", Containerd_Task_V2_StartRequest.with { $0.id = shim.id }),
            ("Delete while paused", Containerd_Task_V2_DeleteRequest.with { $0.id = shim.id }),
        ]
    }

    private static func stoppedCalls(_ shim: ShimFixture) -> [(String, any Message)] {
        [
            ("Kill what has ended", Containerd_Task_V2_KillRequest.with { ($0.id, $0.signal) = (shim.id, 9) }),
            ("Kill an exec that has ended", Containerd_Task_V2_KillRequest.with { ($0.id, $0.execID, $0.signal) = (shim.id, "e1", 9) }),
            ("Start what has ended", Containerd_Task_V2_StartRequest.with { $0.id = shim.id }),
            ("Pause what has ended", Containerd_Task_V2_PauseRequest.with { $0.id = shim.id }),
            ("Resume what has ended", Containerd_Task_V2_ResumeRequest.with { $0.id = shim.id }),
            ("Exec in what has ended", shim.execRequest("e3")),
            (
                "Update what has ended",
                Containerd_Task_V2_UpdateTaskRequest.with { ($0.id, $0.resources) = (shim.id, any("x", Array("{}".utf8))) }
            ),
            ("Checkpoint what has ended", Containerd_Task_V2_CheckpointTaskRequest.with { ($0.id, $0.path) = (shim.id, "/tmp/none") }),
            ("ResizePty of what has ended", Containerd_Task_V2_ResizePtyRequest.with { ($0.id, $0.width, $0.height) = (shim.id, 80, 24) }),
            ("CloseIO of what has ended", Containerd_Task_V2_CloseIORequest.with { ($0.id, $0.stdin) = (shim.id, true) }),
            ("Start of an exec that has ended", Containerd_Task_V2_StartRequest.with { ($0.id, $0.execID) = (shim.id, "e1") }),
        ]
    }

    private static func any(_ type: String, _ bytes: [UInt8]) -> Google_Protobuf_Any {
        var any = Google_Protobuf_Any()
        any.typeURL = type
        any.value = Data(bytes)
        return any
    }
}
