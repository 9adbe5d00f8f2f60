import Foundation
import Messages
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

extension NodeTests {
    @Test("a new swiftletd finds what the old one left: running, ended meanwhile, created, and a shim that was killed") func restart()
        async throws
    {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod()
        let running = try await before.run("running", in: pod, ["sleep", "1000"])
        // It ends when its file appears, which is while nobody listens.
        let ending = try await before.run("ending", in: pod, ["sh", "-c", "until [ -e /dev/shm/go ]; do sleep 0.05; done; exit 6"])
        let created = try await before.create("created", in: pod, ["sh", "-c", "exit 0"])
        let orphan = try await before.run("orphan", in: pod, ["sleep", "1000"])
        await before.close()
        await first.stop()
        #expect(FileManager.default.createFile(atPath: "\(node.settings.state)/pods/\(pod)/shm/go", contents: nil))
        try Self.killShim(of: orphan)

        let (second, after) = try await node.start()
        do {
            #expect(try await after.status(running).state == .containerRunning)
            #expect(try await after.exec(running, ["echo", "hello"]).out == "hello\n")
            let ended = try await after.ended(ending)
            #expect(ended.exitCode == 6 && ended.reason == "Error")
            #expect(try await after.status(created).state == .containerCreated)
            try await after.start(created)
            #expect(try await after.ended(created).exitCode == 0)
            let lost = try await after.ended(orphan)
            #expect(lost.exitCode == 137 && lost.reason == "Unknown")
            let taken = await #expect(throws: Status.self) { try await after.runPod() }
            #expect(taken?.code == .alreadyExists)
        } catch {
            Issue.record(error)
        }
        try await after.removePod(pod)
        #expect(try await node.lastingLeftovers() == [])
        await after.close()
        await second.stop()
    }

    /// SIGKILL to the shim that was started for this container, and to no other.
    private static func killShim(of id: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { continue }
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if words.first == NodeFixture.shim, words.contains(id) { kill(pid, SIGKILL) }
        }
    }
}
