import Foundation
import LinuxSys
import Messages
import ShimDriver
import SwiftProtobuf
import TTRPC
import TaskClient
import Testing

/// The supervisor's rules, by number (docs/conformance.md, "Supervision").
extension RealShim {
    @Test("rule 1: of two hundred processes that end at once each is told with its own status") func oneStatusEach() async throws {
        try await Self.running { orchestrator, session in
            let id = session.id
            let names = (0..<100).map { "e\($0)" }
            for (number, name) in names.enumerated() {
                try await session.addExec(name, ["sh", "-c", "read x < /dev/null; exit \(number)"])
            }
            try await withThrowingTaskGroup(of: (Int, UInt32).self) { group in
                for (number, name) in names.enumerated() {
                    group.addTask {
                        _ = try await session.task.start(id, exec: name)
                        return (number, try await session.task.wait(id, exec: name, timeout: .seconds(60)).exitStatus)
                    }
                }
                for try await (number, status) in group { #expect(Int(status) == number) }
            }
            for name in names { _ = try await session.task.delete(id, exec: name) }
            #expect(await eventually { names.allSatisfy { orchestrator.events.names(of: id).contains("exit:\($0)") } })
        }
    }

    @Test("rule 2: an exec's exit is on record before it is told, and until its Delete") func execExitIsStored() async throws {
        try await Self.running { orchestrator, session in
            let directory = String(session.socket.dropLast(5)) + ".exits"
            try await session.addExec("e", ["sh", "-c", "exit 3"])
            _ = try await session.task.start(session.id, exec: "e")
            #expect(try await session.task.wait(session.id, exec: "e", timeout: .seconds(10)).exitStatus == 3)
            let stored = try FileManager.default.contentsOfDirectory(atPath: directory)
            try #require(stored.count == 1)
            #expect(Self.text("\(directory)/\(stored[0])").contains("\"status\":3"))
            // As often as anyone asks.
            #expect(try await session.task.wait(session.id, exec: "e", timeout: .seconds(1)).exitStatus == 3)
            #expect(try await session.task.delete(session.id, exec: "e").exitStatus == 3)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
        }
    }

    @Test("rule 2: init's exit is on record before it is told: a shim that is killed then is outlived by the status")
    func initExitIsStored()
        async throws
    {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 9"])
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create()
            _ = try await session.task.start(id)
            _ = try await session.task.wait(id, timeout: .seconds(10))
            kill(session.shimPID, SIGKILL)
            await session.task.waitForClose()
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 9)
            // Again, as containerd may (rule 6).
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 9)
            await session.task.close()
        }
    }

    @Test("rule 3: a start never follows its own exit, and init's exit is the last") func order() async throws {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", "sleep 0.3; exit 4"]))
            _ = try await session.create()
            _ = try await session.task.start(id)
            try await session.addExec("short", ["true"])
            _ = try await session.task.start(id, exec: "short")
            try await session.addExec("long", ["sleep", "1000"])
            _ = try await session.task.start(id, exec: "long")
            #expect(try await session.task.wait(id, timeout: .seconds(10)).exitStatus == 4)
            _ = try await session.task.wait(id, exec: "long", timeout: .seconds(10))
            await session.end()
            #expect(await eventually { orchestrator.events.names(of: id).contains("delete") })
            let names = orchestrator.events.names(of: id)
            #expect(names.prefix(2) == ["create", "start"] && names.suffix(2) == ["exit", "delete"])
            for (before, after) in [("exec-started:short", "exit:short"), ("exec-started:long", "exit:long"), ("exit:long", "exit")] {
                let (first, second) = (try #require(names.firstIndex(of: before)), try #require(names.firstIndex(of: after)))
                #expect(first < second, "\(names)")
            }
        }
    }

    @Test("rule 4: after init has ended an exec is refused at once") func noExecAfterExit() async throws {
        try await Self.running(["true"]) { _, session in
            _ = try await session.task.wait(session.id, timeout: .seconds(10))
            do throws(Status) {
                try await session.addExec("late", ["true"])
                Issue.record("an exec was added to a container that has ended")
            } catch {
                // As containerd's own shim says it.
                #expect(error.code == .unknown && error.message.contains("late"), "\(error)")
            }
        }
    }

    @Test("rule 4: without a pid namespace what init leaves behind is killed with it") func survivorsAreKilled() async throws {
        try await Self.running(
            ["sh", "-c", "sleep 1000 & sleep 1000 & exit 2"],
            { document in
                document["linux"] = [
                    "cgroupsPath": (document["linux"] as? [String: Any])?["cgroupsPath"] ?? "",
                    "namespaces": ["mount", "uts"].map { ["type": $0] },
                ]
            }
        ) { _, session in
            let first = try await session.task.wait(session.id, timeout: .seconds(10)).exitStatus
            #expect(first == 2)
            let gone = await eventually { Processes.marked(session.id).allSatisfy { $0 == session.shimPID } }
            #expect(gone)
        }
    }

    @Test("rule 5: while nobody takes events the state is true, and every event comes afterwards in order") func deafOrchestrator()
        async throws
    {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", "read x < /dev/null; exit 5"]))
            await orchestrator.goDeaf()
            _ = try await session.create()
            _ = try await session.task.start(id)
            #expect(try await session.task.wait(id, timeout: .seconds(10)).exitStatus == 5)
            #expect(try await session.task.state(id).status == .stopped)
            #expect(orchestrator.events.names(of: id) == [])
            try await orchestrator.listen()
            #expect(await eventually { orchestrator.events.names(of: id) == ["create", "start", "exit"] })
            await session.end()
            #expect(await eventually { orchestrator.events.names(of: id) == ["create", "start", "exit", "delete"] })
        }
    }

    @Test("rule 6: deletes at the same time do the work once, and Delete of an exec twice is told as not found") func idempotentDelete()
        async throws
    {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["true"]))
            _ = try await session.create()
            _ = try await session.task.start(id)
            _ = try await session.task.wait(id, timeout: .seconds(10))
            let answers = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { (try? await session.task.delete(id)) != nil } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            // Those that come when it is gone already are told so.
            #expect(answers >= 1)
            // What a second removal would tell, it has told when the shim has ended.
            await session.end()
            #expect(orchestrator.events.names(of: id).filter { $0 == "delete" }.count == 1)
        }
    }

    @Test("rule 6: a create that fails leaves nothing, and the shim takes another") func failedCreate() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["/no/such/program"])
            let session = try await orchestrator.start(id, bundle: bundle)
            await #expect(throws: Status.self) { try await session.create() }
            #expect(orchestrator.events.names(of: id) == [])
            _ = try orchestrator.bundle(id, ["true"])
            _ = try await session.create()
            await session.end()
        }
    }

    @Test("rule 7: after Shutdown without a task the shim ends by itself, and SIGTERM stops the container first") func ends() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "trap 'exit 8' TERM; echo ready; sleep 1000 & wait"])
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create(stdout: "file://\(bundle)/out")
            _ = try await session.task.start(id)
            // With a task left a polite Shutdown changes nothing.
            try await session.task.shutdown(id)
            #expect(await eventually { Self.text("\(bundle)/out") == "ready\n" })
            kill(session.shimPID, SIGTERM)
            await session.task.waitForClose()
            #expect(orchestrator.events.exits(of: id).map(\.status) == [8])
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 8)
            await session.task.close()
        }
    }

    @Test("rule 8: after a kill of the shim delete kills, removes and reports 137") func killedShim() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sleep", "1000"])
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create()
            _ = try await session.task.start(id)
            let before = Date()
            kill(session.shimPID, SIGKILL)
            await session.task.waitForClose()
            let answer = try await orchestrator.cleanUp(id, bundle: bundle)
            #expect(answer.exitStatus == 137)
            #expect(answer.exitedAt.date >= before.addingTimeInterval(-1) && answer.exitedAt.date <= Date())
            await session.task.close()
        }
    }
}
