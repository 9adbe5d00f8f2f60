import ArgumentParser
import Messages
import TTRPC

/// Pods of one idle container each: from RunPodSandbox to the answer of StartContainer.
struct PodLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pods", abstract: "Start pods, one after the other or at a rate.")

    @OptionGroup var node: Node
    @Option(help: "How many.") var count = 100
    @Option(help: "Pods a second, whether the earlier ones are up or not; 0: one after the other.") var rate = 0.0
    @Option(help: "Begin of their names.") var prefix = "pod"
    @Flag(help: "Remove each once it runs.") var remove = false

    func run() async throws {
        let calls = try await node.connect()
        var times = Times()
        if rate > 0 {
            let start = ContinuousClock.now
            let all = try await withThrowingTaskGroup(of: Duration.self) { group in
                for number in 0..<count {
                    try await Task.sleep(until: start + .seconds(Double(number) / rate), clock: .continuous)
                    group.addTask { try await one(calls, number) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for duration in all { times.add(duration) }
        } else {
            for number in 0..<count { times.add(try await one(calls, number)) }
        }
        print(times.line)
    }

    private func one(_ calls: Calls, _ number: Int) async throws -> Duration {
        let start = ContinuousClock.now
        let pod = try await calls.runPod("\(prefix)-\(number)")
        try await calls.start(try await calls.create("c", in: pod, ["sleep", "100000"]))
        let duration = ContinuousClock.now - start
        if remove { try await calls.removePod(pod) }
        return duration
    }
}

/// Containers that have ended, all in one pod.
struct ExitedLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "exited", abstract: "Run containers that end at once, and wait for them.")

    @OptionGroup var node: Node
    @Option(help: "How many.") var count = 1000

    func run() async throws {
        let calls = try await node.connect()
        let pod = try await calls.runPod("exited")
        for number in 0..<count { try await calls.start(try await calls.create("c\(number)", in: pod, ["true"])) }
        while try await calls.list().contains(where: { $0.state != .containerExited && $0.podSandboxID == pod }) {
            try await Task.sleep(for: .milliseconds(50))
        }
        print("count=\(count)")
    }
}

struct ListLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "ListContainers, again and again.")

    @OptionGroup var node: Node
    @Option(help: "How often.") var count = 100

    func run() async throws {
        let calls = try await node.connect()
        var times = Times()
        var entries = 0
        for _ in 0..<count { entries = try await times.measure { try await calls.list() }.count }
        print("containers=\(entries) \(times.line)")
    }
}

struct ExecLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "exec", abstract: "ExecSync of `true` in one container.")

    @OptionGroup var node: Node
    @Option(help: "How often.") var count = 100

    func run() async throws {
        let calls = try await node.connect()
        let pod = try await calls.runPod("exec")
        let id = try await calls.create("c", in: pod, ["sleep", "100000"])
        try await calls.start(id)
        var times = Times()
        for _ in 0..<count {
            var request = Runtime_V1_ExecSyncRequest()
            (request.containerID, request.cmd) = (id, ["true"])
            let answer = try await times.measure { try await calls.call("ExecSync", request, as: Runtime_V1_ExecSyncResponse.self) }
            guard answer.exitCode == 0 else { throw Status(.internal, "exec ended with \(answer.exitCode)") }
        }
        try await calls.removePod(pod)
        print(times.line)
    }
}

/// Waits until swiftletd answers with so many running containers.
struct ReadyProbe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ready", abstract: "Wait for running containers to be known.")

    @OptionGroup var node: Node
    @Option(help: "How many.") var count = 100

    func run() async throws {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(60) {
            if let calls = try? await node.connect() {
                let running = try await calls.list().count { $0.state == .containerRunning }
                if running >= count { return print("running=\(running)") }
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw Status(.deadlineExceeded, "not \(count) running containers after 60 s")
    }
}

struct Clearance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "clear", abstract: "Remove every pod.")

    @OptionGroup var node: Node

    func run() async throws {
        let calls = try await node.connect()
        for pod in try await calls.pods() { try await calls.removePod(pod) }
    }
}
