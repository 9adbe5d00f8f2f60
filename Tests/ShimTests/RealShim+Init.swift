import Foundation
import LinuxSys
import Messages
import ShimDriver
import TTRPC
import TaskClient
import Testing

extension RealShim {
    private static func withInit(_ document: inout [String: Any]) { document["annotations"] = ["io.swiftlet.init": "true"] }

    @Test(
        "the built-in init keeps the program's exit code, and 128 and the signal that kills it",
        arguments: [
            ("exit 7", UInt32(7)), ("kill -SEGV $$", 139), ("kill -KILL $$", 137), ("exit 0", 0),
        ]) func initStatus(_ script: String, _ status: UInt32) async throws
    {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", script], Self.withInit))
            _ = try await session.create()
            _ = try await session.task.start(id)
            #expect(try await session.task.wait(id, timeout: .seconds(10)).exitStatus == status)
            await session.end()
        }
    }

    @Test("the built-in init reaps orphans and hands signals on, to a program that does neither") func initWork() async throws {
        let output = { (o: Orchestrator, _: String) in "file://\(o.directory)/out" }
        // sleep does not handle TERM: as the first process it would not even notice it.
        try await Self.running(["sleep", "1000"], stdout: output, Self.withInit) { orchestrator, session in
            let first = try await session.run("orphan", ["sh", "-c", "(sleep 0.2 & ) ; (true &)"])
            #expect(first == 0)
            let pid = try #require(try await session.task.pids(session.id).map { Int32($0.pid) }.min())
            #expect(Self.text("/proc/\(pid)/comm") == "swiftlet-init\n")
            // Those that have ended and were not reaped would still be children.
            #expect(await eventually { Processes.children(of: pid).map { Self.text("/proc/\($0)/comm") } == ["sleep\n"] })
            try await session.task.kill(session.id, signal: UInt32(SIGTERM))
            #expect(try await session.task.wait(session.id, timeout: .seconds(10)).exitStatus == 143)
        }
    }

    @Test("the built-in init is small: less than 200 KiB of its own, no descriptors") func initSize() async throws {
        try await Self.running(["sleep", "1000"], Self.withInit) { _, session in
            let pid = try #require(try await session.task.pids(session.id).map { Int32($0.pid) }.min())
            #expect(await eventually { Self.text("/proc/\(pid)/comm") == "swiftlet-init\n" })
            let own = Self.text("/proc/\(pid)/smaps_rollup").split(separator: "\n").filter {
                $0.hasPrefix("Private_Dirty") || $0.hasPrefix("Rss")
            }
            let sizes = own.compactMap { Int($0.split(separator: " ").dropFirst().first ?? "") }
            #expect(sizes.count == 2 && sizes[0] < 1024 && sizes[1] < 200, "\(own)")
            #expect(Processes.descriptors(of: pid) == 0)
        }
    }

    @Test("the built-in init for a user who is not root, and a program that is not there") func initUser() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "exit 5"]) {
                Self.withInit(&$0)
                guard var process = $0["process"] as? [String: Any] else { return }
                process["user"] = ["uid": 1000, "gid": 1000]
                $0["process"] = process
            }
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create()
            _ = try await session.task.start(id)
            #expect(try await session.task.wait(id, timeout: .seconds(10)).exitStatus == 5)
            _ = try await session.task.delete(id)
            _ = try orchestrator.bundle(id, ["/no/such"], Self.withInit)
            await #expect(throws: Status.self) { try await session.create() }
            await session.end()
        }
    }

    @Test("an annotation for the init that is neither true nor false is named") func initAnnotation() async throws {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(
                id, bundle: try orchestrator.bundle(id, ["true"]) { $0["annotations"] = ["io.swiftlet.init": "yes"] })
            do throws(Status) {
                _ = try await session.create()
                Issue.record("created")
            } catch { #expect(error.message.contains("annotations[io.swiftlet.init]: true or false expected, found yes"), "\(error)") }
            await session.end()
        }
    }

    @Test("SIGUSR1 prints the state of everything, and phases are logged with their durations") func dump() async throws {
        try await Self.running(["sleep", "1000"], stdout: { o, _ in "file://\(o.directory)/out" }) { _, session in
            try await session.addExec("e", ["true"])
            kill(session.shimPID, SIGUSR1)
            let log = session.bundle + "/shim.log"
            #expect(await eventually { Self.text(log).contains("exec e created(pid: 0)") })
            let text = Self.text(log)
            for part in [
                "1 connections", "events wait", "task \(session.id): cgroup thawed, record written", "init running(pid:", "log /",
                "id=\"\(session.id)\"",
            ] {
                #expect(text.contains(part), "\(part) in \(text)")
            }
            for phase in ["init created", "init started"] {
                #expect(
                    text.split(separator: "\n").contains { $0.contains(phase) && $0.contains(" duration=") && $0.contains("ms ") },
                    "\(text)")
            }
        }
    }

    @Test("a trace has spans of create and start with the executor's steps below them, as OpenTelemetry's collector reads them")
    func trace()
        async throws
    {
        let path = NSTemporaryDirectory() + "swl-trace-\(getpid()).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        unsafe setenv("SWIFTLET_TRACE", path, 1)
        defer { unsafe unsetenv("SWIFTLET_TRACE") }
        try await Self.running { _, session in
            let status = try await session.run("e", ["true"])
            #expect(status == 0)
            #expect(await eventually { Self.text(path).contains("\"start\"") && Self.text(path).contains("\"exec e\"") })
        }
        var spans: [[String: Any]] = []
        for line in Self.text(path).split(separator: "\n") {
            let document = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let resource = try #require((document["resourceSpans"] as? [[String: Any]])?.first)
            let scope = try #require((resource["scopeSpans"] as? [[String: Any]])?.first)
            spans += try #require(scope["spans"] as? [[String: Any]])
        }
        let named = Dictionary(spans.map { ($0["name"] as? String ?? "", $0) }) { first, _ in first }
        let create = try #require(named["create"])
        for name in ["read and plan", "clone init", "make the cgroup", "enterRoot", "mount /proc", "write the record"] {
            let span = try #require(named[name], "\(name)")
            #expect(
                span["parentSpanId"] as? String == create["spanId"] as? String && span["traceId"] as? String == create["traceId"] as? String
            )
            let (start, end) = (
                UInt64(span["startTimeUnixNano"] as? String ?? "") ?? 0, UInt64(span["endTimeUnixNano"] as? String ?? "") ?? 0
            )
            #expect(start > 0 && end >= start)
        }
        #expect(named["start"] != nil && named["exec e"] != nil && named["delete"] != nil)
    }
}
