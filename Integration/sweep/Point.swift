import Foundation
import Messages
import ShimDriver
import TTRPC
import TaskClient

/// One life of a container with one fault in it.
struct Point {
    let orchestrator: Orchestrator
    let program: String
    let id: String
    let role: Role
    let step: Int
    let fault: Fault

    private static let initStatus: UInt32 = 7
    private static let execStatus: UInt32 = 3

    /// What was wrong, and the steps that were counted.
    func run() async throws -> (problems: [String], steps: [Role: Int], wasHit: Bool) {
        // It says so again and again: a writer of logs that is killed may lose what it had read.
        let bundle = try orchestrator.bundle(id, ["sh", "-c", "trap 'exit 7' TERM; while :; do echo ready; sleep 0.5 & wait $!; done"])
        let session = try await orchestrator.start(id, bundle: bundle)
        let stepper = try Stepper(program: program, shim: session.shimPID, role: role, step: step)
        let life = Life(session: session, orchestrator: orchestrator)
        let watching = Task.detached { await watch(stepper, life) }
        let alarm = Task.detached {
            try await Task.sleep(for: .seconds(60))
            life.note("nothing came of it in 60 s: \(life.place.get())")
            for pid in Processes.marked(id) { kill(pid, SIGKILL) }
        }
        await life.live()
        let deleted = await life.clean()
        alarm.cancel()
        let (steps, wasHit) = await watching.value
        var problems = life.problems.get()
        problems += await orchestrator.leftovers(of: id).map { "left: \($0)" }
        problems += check(deleted, life)
        try? FileManager.default.removeItem(atPath: bundle)
        return (problems, steps, wasHit)
    }

    private func watch(_ stepper: Stepper, _ life: Life) async -> ([Role: Int], Bool) {
        var wasHit = false
        if step > 0, let line = stepper.line(), line.hasPrefix("hit") {
            wasHit = true
            switch fault {
            case .kill: stepper.say("kill")
            case .stop:
                stepper.say("stop")
                _ = stepper.line()
                if role != .shim { await life.askMeanwhile() } else { try? await Task.sleep(for: .milliseconds(100)) }
                stepper.say("go")
            case .daemon:
                await life.loseOrchestrator()
                stepper.say("go")
            }
        }
        return (stepper.finish(), wasHit)
    }

    /// The law: an exit is told once and the same by everyone; events keep their order.
    private func check(_ deleted: Containerd_Task_V2_DeleteResponse?, _ life: Life) -> [String] {
        var problems: [String] = []
        var events = orchestrator.events.of(id)
        // An answer that was cut off is one that the shim never had: it tells that event again, which is what at least once means.
        if let cut = life.eventsBeforeLoss.get(), cut > 0, cut < events.count, events[cut].name == events[cut - 1].name {
            events.remove(at: cut)
        }
        let exits = events.filter { $0.kind == "exit" && $0.process == id }
        let names = events.map(\.name)
        if exits.count > 1 { problems.append("the exit was told \(exits.count) times") }
        if Set(names).count != names.count { problems.append("an event came twice: \(names)") }
        let order = ["create", "start", "exec-added:e", "exec-started:e", "exit:e", "exit", "delete"]
        let places = names.compactMap { order.firstIndex(of: $0) }
        if places != places.sorted() { problems.append("events out of order: \(names)") }
        if life.shimWasKilled.get() {
            // Then containerd tells the exit, as `delete` says it.
            if deleted == nil { problems.append("the clean-up failed") }
        } else if names.contains("create"), exits.isEmpty {
            problems.append("the exit was never told: \(names)")
        }
        // Init ends with 1 when its executor is killed between `ready` and the release.
        var told = Set(exits.map(\.status))
        if let waited = life.waited.get() { told.insert(waited) }
        if let deleted, !told.isEmpty || names.contains("create") { told.insert(deleted.exitStatus) }
        // What Wait says of a create that came to nothing.
        if !names.contains("create") { told.remove(126) }
        if told.count > 1 { problems.append("the exit was told as \(told.sorted())") }
        if let status = told.first, status != Self.initStatus, status != 137, status != 143, !(role == .executor && status == 1) {
            problems.append("exit status \(status)")
        }
        if fault != .kill, let status = told.first, life.asked.get(), status != Self.initStatus {
            problems.append("exit status \(status) without a kill")
        }
        if let status = events.first(where: { $0.name == "exit:e" })?.status, status != Self.execStatus, status != 137 {
            problems.append("exec's exit status \(status)")
        }
        return problems
    }
}
