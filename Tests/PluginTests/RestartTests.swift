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

    @Test("rule 23: a shim that stands still does not hold up a new swiftletd, and is found when it goes on") func standingShim()
        async throws
    {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod()
        let still = try await before.run("still", in: pod, ["sleep", "1000"])
        let quick = try await before.run("quick", in: pod, ["sleep", "1000"])
        await before.close()
        await first.stop()
        try Self.signalShim(of: still, SIGSTOP)
        let start = ContinuousClock.now
        let (second, after) = try await node.start()
        do {
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(try await after.exec(quick, ["echo", "hello"]).out == "hello\n")
            #expect(try await after.status(still).state == .containerRunning)
            let early = await #expect(throws: Status.self) { try await after.exec(still, ["echo", "hello"]) }
            #expect(early?.code == .unavailable, "\(String(describing: early))")
        } catch {
            Issue.record(error)
        }
        // What changes it waits for its shim.
        async let stopped: Void = after.stop(still, grace: 0)
        try Self.signalShim(of: still, SIGCONT)
        try await stopped
        #expect(try await after.status(still).exitCode == 137)
        #expect(try await after.status(still).reason == "Error")
        try await after.removePod(pod)
        #expect(try await node.lastingLeftovers() == [])
        await after.close()
        await second.stop()
    }

    @Test("when StopContainer has returned the container is known to have ended, also when it ends by itself at that moment") func told()
        async throws
    {
        try await NodeFixture.with { node, client in
            let pod = try await client.runPod()
            for number in 0..<40 {
                let id = try await client.run("c\(number)", in: pod, ["sh", "-c", "exit 7"])
                try await Task.sleep(for: .microseconds(number * 250))
                try await client.stop(id, grace: 20)
                let status = try await client.status(id)
                #expect(status.state == .containerExited && status.exitCode == 7, "round \(number)")
                try await client.remove(id)
            }
            try await client.removePod(pod)
        }
    }

    @Test("after a restart of the node its containers have ended, its pods are not ready, and both can be removed") func power()
        async throws
    {
        let node = try NodeFixture()
        defer { node.remove() }
        let (first, before) = try await node.start()
        let pod = try await before.runPod()
        let running = try await before.run("running", in: pod, ["sleep", "4243"])
        let ended = try await before.run("ended", in: pod, ["sh", "-c", "exit 5"])
        #expect(try await before.ended(ended).exitCode == 5)
        await before.close()
        await first.stop()
        // What a power cut does: processes, mounts and memory are gone.
        try Self.killShim(of: running)
        try await Self.killProcesses(["sleep", "4243"])
        try SandboxFiles.release(SandboxPaths(state: node.settings.state, id: pod))
        for place in [node.settings.state, node.directory + "/shims"] { try FileManager.default.removeItem(atPath: place) }
        for hierarchy in try FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup") {
            unsafe rmdir("/sys/fs/cgroup/\(hierarchy)/\(running)")
        }
        unsafe rmdir("/sys/fs/cgroup/\(running)")

        let (second, after) = try await node.start()
        do {
            let lost = try await after.ended(running)
            #expect(
                lost.exitCode == 137 && lost.reason == "Unknown" && lost.message == "its bundle is gone, as after a restart of the node")
            let kept = try await after.status(ended)
            #expect(kept.state == .containerExited && kept.exitCode == 5)
        } catch {
            Issue.record(error)
        }
        try await after.removePod(pod)
        #expect(try await node.lastingLeftovers() == [])
        await after.close()
        await second.stop()
    }

    /// SIGKILL to every process with this command line; returns when none is left.
    private static func killProcesses(_ command: [String]) async throws {
        for _ in 0..<300 {
            let found = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { pid in
                let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
                return line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) } == command
            }
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Status(.deadlineExceeded, "processes do not end")
    }

    private static func killShim(of id: String) throws { try signalShim(of: id, SIGKILL) }

    /// To the shim that was started for this container, and to no other.
    private static func signalShim(of id: String, _ signal: Int32) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { continue }
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if words.first == NodeFixture.shim, words.contains(id) { kill(pid, signal) }
        }
    }
}
