import Foundation
import ShimDriver
import TaskClient
import Testing

enum BuiltShim {
    static let program = FileManager.default.currentDirectoryPath + "/.build/debug/containerd-shim-swiftlet-v2"
    static let canRun = getuid() == 0 && [program, "/bin/busybox"].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
}

/// Tests against the shim that was built beside them, over ttrpc, as an orchestrator has it.
@Suite("a real shim", .serialized, .enabled(if: BuiltShim.canRun, "needs root, a built shim and busybox"))
struct RealShim {
    static let program = BuiltShim.program
    private static let count = Guarded(0)

    /// Runs `body` with an orchestrator that listens, and checks that the container it names left nothing.
    static func with(in parent: String = NSTemporaryDirectory(), _ body: (Orchestrator, String) async throws -> Void) async throws {
        let orchestrator = try Orchestrator(shim: program, in: parent)
        try await orchestrator.listen()
        let number = count.change { count in
            count += 1
            return count
        }
        let id = "swl-real-\(getpid())-\(number)"
        do { try await body(orchestrator, id) } catch {
            for pid in Processes.marked(id) { kill(pid, SIGKILL) }
            await orchestrator.remove()
            throw error
        }
        let left = await orchestrator.leftovers(of: id)
        #expect(left == [])
        for pid in Processes.marked(id) { kill(pid, SIGKILL) }
        await orchestrator.remove()
    }

    /// A container that runs, with a shim of its own; ended at the end.
    static func running(
        _ arguments: [String] = ["sleep", "1000"], stdout: (Orchestrator, String) -> String = { _, _ in "" },
        _ change: (inout [String: Any]) -> Void = { _ in }, _ body: (Orchestrator, ShimSession) async throws -> Void
    ) async throws {
        try await with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, arguments, change))
            do {
                _ = try await session.create(stdout: stdout(orchestrator, id))
                _ = try await session.task.start(id)
                try await body(orchestrator, session)
            } catch { Issue.record(error) }
            await session.end()
        }
    }

    static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
