import Foundation
import ShimDriver

/// `stepper` (see stepper.c) on one shim.
final class Stepper: @unchecked Sendable {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var rest: [UInt8] = []

    /// Returns when it follows the shim.
    init(program: String, shim: Int32, role: Role, step: Int) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["\(shim)", role.rawValue, "\(step)"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard line() == "ready" else { throw SweepError("the stepper does not follow shim \(shim)") }
    }

    /// The next line; nil at its end. Blocks.
    func line() -> String? {
        while true {
            if let end = rest.firstIndex(of: 0x0a) {
                defer { rest.removeFirst(end + 1) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            let part = output.fileHandleForReading.availableData
            if part.isEmpty { return nil }
            rest += part
        }
    }

    func say(_ word: String) { try? input.fileHandleForWriting.write(contentsOf: Data("\(word)\n".utf8)) }

    /// Reads on until its end: the steps of each role.
    func finish() -> [Role: Int] {
        var counts: [Role: Int] = [:]
        while let text = line() {
            let words = text.split(separator: " ")
            guard words.first == "steps", words.count == 4 else { continue }
            for (role, word) in zip(Role.allCases, words.dropFirst()) { counts[role] = Int(word) }
        }
        process.waitUntilExit()
        return counts
    }

    func end() {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
    }
}

enum Role: String, CaseIterable { case shim, executor, initial = "init" }

/// What happens at a step.
enum Fault: String, CaseIterable {
    /// SIGKILL to the process that is at it.
    case kill
    /// It stands still for a while; the shim has to answer meanwhile.
    case stop
    /// The orchestrator is killed, and comes back.
    case daemon
}

struct SweepError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
