import Foundation
import Messages
import ShimDriver
import SwiftProtobuf
import TaskClient
import Testing

/// The verb `delete`, which containerd calls whenever a shim has gone.
extension RealShim {
    /// Runs a container to its end and to the end of its shim; what Delete said of it.
    private static func ended(
        _ orchestrator: Orchestrator, _ id: String, bundle: String, before: () async -> Void = {}
    ) async throws -> (session: ShimSession, pid: UInt32, status: UInt32, time: Date) {
        let session = try await orchestrator.start(id, bundle: bundle)
        await before()
        _ = try await session.create()
        _ = try await session.task.start(id)
        _ = try await session.task.wait(id, timeout: .seconds(10))
        let deleted = try await session.task.delete(id)
        try await session.task.shutdown(id)
        return (session, deleted.pid, deleted.exitStatus, deleted.exitedAt.date)
    }

    @Test("delete after Delete and Shutdown says the same, as often as it is asked", arguments: ["/dev/shm", NSTemporaryDirectory()])
    func verbAfterDelete(parent: String) async throws {
        try await Self.with(in: parent) { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 6"])
            let (session, pid, status, time) = try await Self.ended(orchestrator, id, bundle: bundle)
            for _ in 0..<2 {
                let again = try await orchestrator.cleanUp(id, bundle: bundle)
                #expect(again.pid == pid && again.exitStatus == status && again.exitedAt.date == time)
            }
            #expect(status == 6)
            await session.task.waitForClose()
            await session.task.close()
        }
    }

    @Test("an answer for delete that is not the shim's own is not believed") func foreignAnswer() async throws {
        try await Self.with(in: "/dev/shm") { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 6"])
            let (session, pid, _, _) = try await Self.ended(orchestrator, id, bundle: bundle)
            await session.task.waitForClose()
            await session.task.close()
            let answer = bundle + "/swiftlet-deleted"
            let stored = try Data(contentsOf: URL(fileURLWithPath: answer))
            // Another status: the last field but one, of which 6 is the value.
            let changed = Data(stored.map { $0 == 6 ? 7 : $0 })
            try #require(changed != stored)
            try changed.write(to: URL(fileURLWithPath: answer))
            #expect(unsafe chown(answer, 1000, 1000) == 0)
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 6)
            try FileManager.default.moveItem(atPath: answer, toPath: bundle + "/elsewhere")
            #expect(unsafe chown(bundle + "/elsewhere", 0, 0) == 0)
            try FileManager.default.createSymbolicLink(atPath: answer, withDestinationPath: bundle + "/elsewhere")
            let last = try await orchestrator.cleanUp(id, bundle: bundle)
            #expect(last.exitStatus == 6 && last.pid == pid)
        }
    }

    @Test("the container after it in the same bundle is not taken for the one that was deleted") func sameBundle() async throws {
        try await Self.with(in: "/dev/shm") { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 6"])
            let first = try await Self.ended(orchestrator, id, bundle: bundle).session
            await first.task.waitForClose()
            await first.task.close()
            #expect(FileManager.default.fileExists(atPath: bundle + "/swiftlet-deleted"))
            _ = try orchestrator.bundle(id, ["sleep", "1000"])
            let second = try await orchestrator.start(id, bundle: bundle)
            _ = try await second.create()
            _ = try await second.task.start(id)
            kill(second.shimPID, SIGKILL)
            await second.task.waitForClose()
            await second.task.close()
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 137)
        }
    }

    @Test("delete as soon as Shutdown is answered ends no shim that has events to tell") func deleteWhileEventsWait() async throws {
        try await Self.with(in: "/dev/shm") { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 6"])
            let session = try await Self.ended(orchestrator, id, bundle: bundle) { await orchestrator.goDeaf() }.session
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 6)
            #expect(orchestrator.events.names(of: id) == [])
            try await orchestrator.listen()
            #expect(await eventually { orchestrator.events.names(of: id) == ["create", "start", "exit", "delete"] })
            await session.task.waitForClose()
            await session.task.close()
        }
    }
}
