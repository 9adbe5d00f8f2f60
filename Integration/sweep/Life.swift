import Foundation
import Messages
import ShimDriver
import TTRPC
import TaskClient

/// The calls of an orchestrator on one container, from create to shutdown, whatever happens in between.
final class Life: Sendable {
    let session: ShimSession
    let orchestrator: Orchestrator
    let problems = Guarded<[String]>([])
    let place = Guarded("begin")
    /// What Wait said of init.
    let waited = Guarded<UInt32?>(nil)
    /// TERM was sent to an init that listens for it.
    let asked = Guarded(false)
    let shimWasKilled = Guarded(false)
    /// How many events of this container had come when the orchestrator was killed; nil while it lives.
    let eventsBeforeLoss = Guarded<Int?>(nil)
    private let lost = Guarded(false)

    init(session: ShimSession, orchestrator: Orchestrator) {
        self.session = session
        self.orchestrator = orchestrator
    }

    func note(_ problem: String) { problems.change { $0.append(problem) } }

    private func at(_ place: String) { self.place.set(place) }

    /// Ends at the first call that fails.
    func live() async {
        let task = session.task
        let id = session.id
        let log = session.bundle + "/out.log"
        do throws(Status) {
            at("create")
            _ = try await session.create(stdout: "cri://\(log)")
            at("start")
            _ = try await task.start(id)
            at("ready")
            let isReady = await eventually(within: .seconds(20)) {
                if (try? String(contentsOfFile: log, encoding: .utf8))?.contains("ready") == true { return true }
                return (try? await task.state(id).status) != .running
            }
            if !isReady { note("init did not come to say that it is ready") }
            at("exec")
            try await session.addExec("e", ["sh", "-c", "exit 3"])
            at("exec start")
            _ = try await task.start(id, exec: "e")
            at("exec wait")
            _ = try await task.wait(id, exec: "e", timeout: .seconds(30))
            at("exec delete")
            _ = try await task.delete(id, exec: "e")
            at("kill")
            try await task.kill(id, signal: 15)
            asked.set(true)
            at("wait")
            waited.set(try await task.wait(id, timeout: .seconds(30)).exitStatus)
            at("delete")
            _ = try await task.delete(id)
            at("shutdown")
            try await task.shutdown(id)
        } catch {
            if error.code == .deadlineExceeded { note("\(self.place.get()): \(error)") }
        }
    }

    /// As containerd does it, from whatever is left. What `delete` of a dead shim said.
    func clean() async -> Containerd_Task_V2_DeleteResponse? {
        if lost.get() { await comeBack() }
        let task = session.task
        if task.isOpen, !lost.get() {
            at("end")
            await end(task)
        }
        await task.close()
        // Its socket goes with the shim when it ends by itself.
        let ended = await eventually(within: .seconds(10)) { Processes.state(self.session.shimPID).map { $0 == "Z" } ?? true }
        if ended, !FileManager.default.fileExists(atPath: session.socket) { return nil }
        shimWasKilled.set(true)
        at("clean up")
        do throws(ShimError) { return try await orchestrator.cleanUp(session.id, bundle: session.bundle) } catch {
            note("clean up: \(error)")
            return nil
        }
    }

    private func end(_ task: TaskService) async {
        let id = session.id
        if (try? await task.state(id)) != nil {
            // What was asked to end may do it in its own time: on a busy machine a KILL would come before the TERM was taken.
            if !asked.get() { await killInit(task) }
            do throws(Status) { waited.set(try await task.wait(id, timeout: .seconds(20)).exitStatus) } catch {
                if error.code == .deadlineExceeded { note("init did not end in 20 s: \(error)") }
                try? await task.kill(id, signal: 9)
            }
            do throws(Status) { _ = try await task.delete(id) } catch {
                // The one that was under way when the orchestrator was killed may have come first.
                if error.code != .unavailable, !(lost.get() && error.code == .notFound) { note("delete: \(error)") }
            }
        }
        try? await task.shutdown(id)
        await task.waitForClose()
    }

    /// A create goes on without its caller, and until it has come to an init there is none to be killed.
    private func killInit(_ task: TaskService) async {
        let id = session.id
        _ = await eventually(within: .seconds(20)) {
            do throws(Status) {
                try await task.kill(id, signal: 9)
                return true
            } catch {
                guard error.code == .notFound, let status = try? await task.state(id).status else { return true }
                return status == .stopped
            }
        }
    }

    /// An orchestrator that is killed: its connections end, and nobody takes events.
    func loseOrchestrator() async {
        lost.set(true)
        await session.task.close()
        await orchestrator.goDeaf()
        eventsBeforeLoss.set(orchestrator.events.of(session.id).count)
    }

    private func comeBack() async {
        at("come back")
        _ = await eventually { self.eventsBeforeLoss.get() != nil }
        do {
            try await orchestrator.listen()
        } catch { note("listen again: \(error)") }
        guard let task = try? await session.connectAgain() else { return }
        await end(task)
        await task.close()
    }

    /// Something of this container stands still: the shim answers all the same (rule 9).
    func askMeanwhile() async {
        let start = ContinuousClock.now
        guard let task = try? await session.connectAgain() else { return note("no connection while \(self.place.get()) stands still") }
        do throws(Status) { _ = try await task.connect(session.id) } catch {
            note("Connect while \(self.place.get()) stands still: \(error)")
        }
        do throws(Status) { _ = try await task.state(session.id) } catch {
            if error.code != .notFound { note("State while \(self.place.get()) stands still: \(error)") }
        }
        await task.close()
        let took = ContinuousClock.now - start
        if took > .seconds(2) { note("State took \(took) while \(self.place.get()) stands still") }
    }
}
