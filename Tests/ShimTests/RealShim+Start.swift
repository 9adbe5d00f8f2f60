import Foundation
import ShimDriver
import TaskClient
import Testing

/// The verb `start`, of which the process that stays is cloned before the program has begun.
extension RealShim {
    /// Calls the shim's program as an orchestrator does.
    private static func call(_ arguments: [String], _ orchestrator: Orchestrator, input: Any = FileHandle.nullDevice) throws -> (
        process: Process, output: Pipe, errors: Pipe
    ) {
        let (process, output, errors) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ["SWIFTLET_SOCKET_DIR": orchestrator.socketDirectory]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        return (process, output, errors)
    }

    private static func text(_ pipe: Pipe) -> String { String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }

    @Test(
        "flags in every form that Go's flag package takes, and containers with the names of verbs",
        arguments: [
            ("exec", ["-namespace", "swl", "-id", "exec"]), ("start", ["--namespace=swl", "--id=start", "-debug"]),
            ("delete", ["-debug=true", "--id", "delete", "-namespace=swl", "-address", "/a"]),
            ("-run", ["-namespace", "swl", "-id", "-run"]),
        ])
    func words(id: String, flags: [String]) async throws {
        try await Self.with { orchestrator, name in
            let bundle = try orchestrator.bundle(name, ["true"])
            let (process, output, _) = try Self.call(flags + ["-bundle", bundle, "start"], orchestrator)
            let address = Self.text(output)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(address == Self.text(bundle + "/address") && address.hasPrefix("unix:///"))
            let task = try await TaskService(socket: String(address.dropFirst(7)), namespace: "swl")
            try await task.shutdown(id, now: true)
            await task.waitForClose()
            await task.close()
        }
    }

    @Test("what goes wrong in the process that stays is told by the one that was called") func failedStart() async throws {
        try await Self.with { orchestrator, id in
            let (process, output, errors) = try Self.call(
                ["-namespace", "swl", "-id", id, "-bundle", orchestrator.directory + "/nowhere", "start"], orchestrator)
            #expect(Self.text(output) == "")
            let said = Self.text(errors)
            #expect(
                said.hasPrefix("containerd-shim-swiftlet-v2: ") && said.contains("/nowhere/address")
                    && said.split(separator: "\n").count == 1)
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
        }
    }

    @Test("a shim that is killed before it serves is no shim that was started") func killedStart() async throws {
        try await Self.with { orchestrator, id in
            let bundle = try orchestrator.bundle(id, ["true"])
            // It reads what is on its standard input to the end, which does not come.
            let input = Pipe()
            let (process, output, errors) = try Self.call(
                ["-namespace", "swl", "-id", id, "-bundle", bundle, "start"], orchestrator, input: input)
            let found = await eventually { !Processes.children(of: process.processIdentifier).isEmpty }
            #expect(found)
            for child in Processes.children(of: process.processIdentifier) { kill(child, SIGKILL) }
            #expect(Self.text(output) == "")
            #expect(Self.text(errors) == "containerd-shim-swiftlet-v2: start: the shim was killed before it served\n")
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            withExtendedLifetime(input) {}
        }
    }
}
