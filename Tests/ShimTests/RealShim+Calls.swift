import Foundation
import LinuxSys
import Messages
import ShimDriver
import TTRPC
import TaskClient
import Testing

extension RealShim {
    private func hook(_ script: String) -> (inout [String: Any]) -> Void {
        { $0["hooks"] = ["createRuntime": [["path": "/bin/sh", "args": ["sh", "-c", script]]]] }
    }

    @Test("rule 9: State, Wait, Pids and Connect answer while a hook holds up Create") func answersMeanwhile() async throws {
        try await Self.with { orchestrator, id in
            let gate = orchestrator.directory + "/gate"
            #expect(unsafe mkfifo(gate, 0o600) == 0)
            let bundle = try orchestrator.bundle(id, ["true"], hook("exec cat \(gate)"))
            let session = try await orchestrator.start(id, bundle: bundle)
            let creating = Task { try await session.create() }
            #expect(await eventually { (try? await session.task.state(id)) != nil })
            let waiting = Task { try await session.task.wait(id, timeout: .seconds(30)) }
            // The hook waits for what comes below, so an answer up to there cannot have waited for the hook.
            for _ in 0..<20 {
                #expect(try await session.task.state(id).status == .created)
                _ = try await session.task.connect(id)
                _ = try await session.task.pids(id)
            }
            // Opening it for writing is the word to go on.
            try "".write(toFile: gate, atomically: false, encoding: .utf8)
            _ = try await creating.value
            _ = try await session.task.start(id)
            #expect(try await waiting.value.exitStatus == 0)
            await session.end()
        }
    }

    @Test("rule 9: a log whose disk stands still holds up no call", .timeLimit(.minutes(1))) func stalledDisk() async throws {
        let output = { (o: Orchestrator, id: String) in "cri://\(o.directory)/out.log" }
        try await Self.running(["sh", "-c", "yes 0123456789 | head -c 3000000; echo; echo end; exec sleep 1000"], stdout: output) {
            orchestrator, session in
            // What writes stands still, as it does when a disk takes nothing.
            let writer = try #require(await Self.writer(of: session))
            kill(writer, SIGSTOP)
            let start = ContinuousClock.now
            #expect(try await session.task.state(session.id).status == .running)
            #expect(try await session.run("e", ["true"]) == 0)
            #expect(ContinuousClock.now - start < .seconds(5))
            kill(writer, SIGCONT)
            #expect(await eventually { Self.text(orchestrator.directory + "/out.log").hasSuffix("stdout F end\n") })
        }
    }

    static func writer(of session: ShimSession) async -> Int32? {
        var found: Int32?
        _ = await eventually {
            found = Processes.children(of: session.shimPID, named: "swiftlet-log").first
            return found != nil
        }
        return found
    }

    @Test("rule 10: a logging program that never says that it is ready is waited for ten seconds and named", .timeLimit(.minutes(3)))
    func deadline() async throws {
        try await Self.with { orchestrator, id in
            let program = orchestrator.directory + "/mute"
            try "#!/bin/sh\nexec sleep 1000\n".write(toFile: program, atomically: true, encoding: .utf8)
            _ = unsafe chmod(program, 0o755)
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["true"]))
            let start = ContinuousClock.now
            do throws(Status) {
                _ = try await session.create(stdout: "binary://\(program)?id=\(id)")
                Issue.record("created")
            } catch { #expect(error.message.contains("\(program): it did not say that it is ready within 10 s"), "\(error)") }
            #expect(ContinuousClock.now - start < .seconds(30))
            await session.end()
        }
    }

    @Test("rule 11: garbage on one connection is answered there, and the others do not notice") func garbage() async throws {
        try await Self.running { _, session in
            let before = Processes.descriptors(of: session.shimPID)
            for bytes in [[UInt8](repeating: 0xff, count: 64), [0, 0, 0, 1], Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
                let socket = try FD.connect(to: session.socket)
                _ = try? socket.write(bytes)
                #expect(try await session.task.state(session.id).status == .running)
            }
            #expect(await eventually { Processes.descriptors(of: session.shimPID) <= before })
        }
    }

    @Test(
        "rule 17: what it costs to make a container is not charged to it", .enabled(if: CgroupFiles.memory, "needs the memory controller"))
    func cost() async throws {
        try await Self.running(["sleep", "1000"]) { _, session in
            let use = try #require(CgroupFiles.memoryUse(of: session.id))
            #expect(use < 6 << 20)
        }
    }

    @Test(
        "rule 17: a memory limit too small for the program is an exit and an OOM event before it, or an error of start, never a hang",
        .enabled(if: CgroupFiles.memory, "needs the memory controller"), .timeLimit(.minutes(1)))
    func outOfMemory() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "head -c 200000000 /dev/zero | tail > /dev/null; sleep 1; exit 1"]) {
                guard var linux = $0["linux"] as? [String: Any] else { return }
                linux["resources"] = ["memory": ["limit": 16 << 20, "swap": 16 << 20]]
                $0["linux"] = linux
            }
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create()
            _ = try await session.task.start(id)
            _ = try await session.task.wait(id, timeout: .seconds(30))
            await session.end()
            #expect(await eventually { orchestrator.events.names(of: id).contains("delete") })
            let names = orchestrator.events.names(of: id)
            let oom = try #require(names.firstIndex(of: "oom"), "\(names)")
            let exit = try #require(names.firstIndex(of: "exit"))
            #expect(oom < exit)
        }
    }

    @Test("rule 18: a paused container is killed, and every failed pause thaws") func killWhilePaused() async throws {
        try await Self.running { _, session in
            try await session.task.pause(session.id)
            #expect(try await session.task.state(session.id).status == .paused)
            try await session.task.kill(session.id, signal: 9, all: true)
            #expect(try await session.task.wait(session.id, timeout: .seconds(10)).exitStatus == 137)
        }
    }

    @Test("rule 19: a cgroup with children and processes in them is removed with the container") func nestedCgroup() async throws {
        try await Self.running { _, session in
            let place = try #require(CgroupFiles.directories(of: session.id).first)
            try FileManager.default.createDirectory(atPath: place + "/below", withIntermediateDirectories: false)
            let pid = try await session.task.pids(session.id).first?.pid ?? 0
            try? "\(pid)".write(toFile: place + "/below/cgroup.procs", atomically: false, encoding: .utf8)
        }
    }

    @Test("rule 20: nothing of a container is mounted on the host, and its mounts go with it") func noHostMounts() async throws {
        try await Self.running { orchestrator, session in
            #expect(!Self.text("/proc/self/mountinfo").contains(orchestrator.directory))
        }
    }

    @Test("rule 22: a record of a newer version is named, and one with fields of tomorrow is read") func recordVersions() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sleep", "1000"])
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create()
            kill(session.shimPID, SIGKILL)
            await session.task.waitForClose()
            let path = bundle + "/swiftlet-task.json"
            var record = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
            record["somethingOfTomorrow"] = ["a": 1]
            try JSONSerialization.data(withJSONObject: record).write(to: URL(fileURLWithPath: path))
            #expect(try await orchestrator.cleanUp(id, bundle: bundle).exitStatus == 137)
            await session.task.close()
        }
    }

    @Test("rule 23: twenty shims are found again at the same time, and one that stands still holds up none", .timeLimit(.minutes(2)))
    func foundAgain() async throws {
        let orchestrator = try Orchestrator(shim: Self.program)
        try await orchestrator.listen()
        var sessions: [ShimSession] = []
        for number in 0..<20 {
            let id = "swl-again-\(getpid())-\(number)"
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sleep", "1000"]))
            _ = try await session.create()
            sessions.append(session)
        }
        kill(sessions[7].shimPID, SIGSTOP)
        let start = ContinuousClock.now
        let found = await withTaskGroup(of: Bool.self) { group in
            for session in sessions {
                group.addTask {
                    guard let task = try? await session.connectAgain() else { return false }
                    let answer = try? await task.connect(session.id)
                    await task.close()
                    return answer != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(found == 19)
        #expect(ContinuousClock.now - start < .seconds(15))
        kill(sessions[7].shimPID, SIGCONT)
        for session in sessions { await session.end() }
        for session in sessions { #expect(await orchestrator.leftovers(of: session.id) == []) }
        await orchestrator.remove()
    }
}

/// A container's own files below /sys/fs/cgroup.
enum CgroupFiles {
    static func directories(of id: String) -> [String] {
        let top = "/sys/fs/cgroup"
        let below = ((try? FileManager.default.contentsOfDirectory(atPath: top)) ?? []).map { "\(top)/\($0)/\(id)" }
        return (["\(top)/\(id)"] + below).filter { FileManager.default.fileExists(atPath: $0) }
    }

    static let memory =
        FileManager.default.fileExists(atPath: "/sys/fs/cgroup/memory")
        || RealShim.text("/sys/fs/cgroup/cgroup.controllers").contains("memory")

    static func memoryUse(of id: String) -> Int? {
        for place in directories(of: id) {
            for name in ["memory.usage_in_bytes", "memory.current"] {
                if let value = Int(RealShim.text("\(place)/\(name)").filter(\.isNumber)) { return value }
            }
        }
        return nil
    }
}
