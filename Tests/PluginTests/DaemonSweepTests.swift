import Foundation
import LinuxSys
import Messages
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

/// swiftletd as a process of its own, which can be killed.
final class DaemonProcess: Sendable {
    static let program = FileManager.default.currentDirectoryPath + "/.build/debug/swiftletd"

    let pid: pid_t
    let client: CRIClient
    private let process: Process

    private init(_ process: Process, _ client: CRIClient) {
        (self.process, pid, self.client) = (process, process.processIdentifier, client)
    }

    /// Returns when it serves.
    static func start(_ node: NodeFixture) async throws -> DaemonProcess {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "--network", "loopback", "--root", node.settings.root, "--state", node.settings.state, "--socket", node.settings.socket,
        ]
        process.environment = [
            "SWIFTLET_SHIM": NodeFixture.shim, "SWIFTLET_SOCKET_DIR": node.directory + "/shims", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: node.directory + "/daemon.log") ?? FileHandle.nullDevice
        try process.run()
        for _ in 0..<1500 {
            if let connection = try? await TTRPCClient.connect(path: node.settings.socket) {
                return DaemonProcess(process, CRIClient(connection, node))
            }
            try #require(process.isRunning)
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Status(.deadlineExceeded, "swiftletd does not serve")
    }

    func end(_ signal: Int32) async {
        kill(pid, signal)
        process.waitUntilExit()
        await client.close()
    }
}

/// A pod's life in steps, each of which a client that does not know how far it came can take again.
struct ScriptedPod {
    enum Step: Int, CaseIterable { case runPod, create, start, stop, remove, stopPod, removePod }

    static let program = "trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"
    let cgroup: String
    var pod = ""
    var container = ""

    mutating func take(_ step: Step, _ client: CRIClient) async throws {
        switch step {
        case .runPod:
            if let known = try await existingPod(client) {
                pod = known
            } else {
                pod = try await client.runPod("sweep") { [cgroup] in $0.linux.cgroupParent = cgroup }
            }
        case .create:
            if let known = try await existingContainer(client) {
                container = known
            } else {
                container = try await client.create("c", in: pod, ["sh", "-c", Self.program])
            }
        case .start:
            if try await client.status(container).state == .containerCreated { try await client.start(container) }
            // It minds the signal, and has something to say, from then on.
            for _ in 0..<2000 where (try? client.log("c").contains("line 2\n")) != true { try await Task.sleep(for: .milliseconds(5)) }
        case .stop:
            try await client.stop(container, grace: 20)
            let status = try await client.status(container)
            guard status.state == .containerExited, status.exitCode == 7 else { throw Status(.internal, "exit code lost: \(status)") }
        case .remove: try await client.remove(container)
        case .stopPod: try await client.stopPod(pod)
        case .removePod: try await client.removePod(pod)
        }
    }

    private func existingPod(_ client: CRIClient) async throws -> String? {
        try await client.call("ListPodSandbox", Runtime_V1_ListPodSandboxRequest(), as: Runtime_V1_ListPodSandboxResponse.self).items.first?
            .id
    }

    private func existingContainer(_ client: CRIClient) async throws -> String? {
        try await client.call("ListContainers", Runtime_V1_ListContainersRequest(), as: Runtime_V1_ListContainersResponse.self).containers
            .first?
            .id
    }
}

@Suite(
    "swiftletd killed", .serialized,
    .enabled(
        if: NodeFixture.canRun && FileManager.default.isExecutableFile(atPath: DaemonProcess.program),
        "needs root, busybox-static and swiftletd built in debug"),
    .timeLimit(.minutes(60)))
struct DaemonSweepTests {
    /// Moments in each step at which swiftletd is killed. `make sweep-daemon` takes many.
    static let points = ProcessInfo.processInfo.environment["SWIFTLET_SWEEP_POINTS"].flatMap { Int($0) } ?? 1

    @Test("killed in any step of a pod's life, it loses no container, exit code, log line or event, and leaves nothing") func sweep()
        async throws
    {
        let durations = try await Self.measure()
        for step in ScriptedPod.Step.allCases {
            for point in 0..<Self.points {
                let share = (Double(point) + 0.5) / Double(Self.points)
                let delay = durations[step.rawValue] * share
                do { try await Self.pass(killedIn: step, after: delay) } catch {
                    Issue.record("killed in \(step) after \(delay): \(error)")
                }
            }
        }
    }

    /// How long each step takes when nobody disturbs it.
    private static func measure() async throws -> [Duration] {
        let node = try NodeFixture()
        defer { node.remove() }
        let daemon = try await DaemonProcess.start(node)
        var script = ScriptedPod(cgroup: "/swl-sweep-\(node.directory.suffix(8))")
        var durations: [Duration] = []
        for step in ScriptedPod.Step.allCases {
            durations.append(try await ContinuousClock().measure { try await script.take(step, daemon.client) })
        }
        await daemon.end(SIGTERM)
        try removeGroups(script.cgroup)
        return durations
    }

    private static func pass(killedIn killed: ScriptedPod.Step, after delay: Duration) async throws {
        let node = try NodeFixture()
        _ = FileManager.default.createFile(atPath: node.directory + "/daemon.log", contents: nil)
        defer { node.remove() }
        var script = ScriptedPod(cgroup: "/swl-sweep-\(node.directory.suffix(8))")
        let first = try await DaemonProcess.start(node)
        for step in ScriptedPod.Step.allCases where step.rawValue < killed.rawValue { try await script.take(step, first.client) }
        let before = script
        let attempt = Task {
            var script = before
            try await script.take(killed, first.client)
        }
        try await Task.sleep(for: delay)
        await first.end(SIGKILL)
        _ = await attempt.result
        let second = try await DaemonProcess.start(node)
        do {
            for step in ScriptedPod.Step.allCases where step.rawValue >= killed.rawValue {
                // What was removed whole cannot be found again, and need not be.
                try await script.take(step, second.client)
            }
            try await check(script, node, second.client)
        } catch {
            try? await second.client.removeEverything()
            await second.end(SIGTERM)
            throw error
        }
        await second.end(SIGTERM)
        try removeGroups(script.cgroup)
    }

    private static func check(_ script: ScriptedPod, _ node: NodeFixture, _ client: CRIClient) async throws {
        let numbers = try client.log("c").split(separator: "\n").compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(numbers == Array(1...max(1, numbers.count)), "lines of the log")
        var told: [Runtime_V1_ContainerEventType] = []
        for try await event in client.events(after: "0") where event.containerID == script.container {
            told.append(event.containerEventType)
            if event.containerEventType == .containerDeletedEvent { break }
        }
        #expect(told == [.containerCreatedEvent, .containerStartedEvent, .containerStoppedEvent, .containerDeletedEvent])
        var left = try node.leftovers() + groups(script.cgroup).filter { !$0.hasSuffix(script.cgroup) }
        for _ in 0..<600 where !left.isEmpty {
            try await Task.sleep(for: .milliseconds(50))
            left = try node.leftovers() + groups(script.cgroup).filter { !$0.hasSuffix(script.cgroup) }
        }
        #expect(left == [])
    }

    /// The pod's cgroup in every hierarchy and what is in it.
    private static func groups(_ name: String) -> [String] {
        let files = FileManager.default
        let top = "/sys/fs/cgroup"
        let roots = [top] + ((try? files.contentsOfDirectory(atPath: top)) ?? []).map { "\(top)/\($0)" }
        var found: [String] = []
        for root in roots.map({ $0 + name }) where files.fileExists(atPath: root) {
            found.append(root)
            for entry in (try? files.contentsOfDirectory(atPath: root)) ?? [] {
                let type = try? files.attributesOfItem(atPath: "\(root)/\(entry)")[.type] as? FileAttributeType
                if type == .typeDirectory { found.append("\(root)/\(entry)") }
            }
        }
        return found
    }

    /// A pod's cgroup is its orchestrator's to remove.
    private static func removeGroups(_ name: String) throws {
        for path in groups(name).reversed() { try checkErrno("rmdir", on: path) { unsafe rmdir(path) } }
    }
}
