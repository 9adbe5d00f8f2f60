import Testing

@testable import Kubelet

@Suite("the pod machine") struct PodMachineTests {
    typealias Action = PodMachine.Action

    static func machine(_ policy: PodManifest.RestartPolicy, _ names: [String] = ["a"], initial: [String] = []) -> PodMachine {
        var manifest = PodManifest(name: "p")
        manifest.restartPolicy = policy
        manifest.containers = names.map { ContainerManifest(name: $0, image: "i") }
        manifest.initContainers = initial.map { ContainerManifest(name: $0, image: "i") }
        return PodMachine(manifest, backoff: Backoff(base: .seconds(1), limit: .seconds(3)))
    }

    /// What is asked of the plugin, without the lines for people.
    static func calls(_ actions: [Action]) -> [Action] { actions.filter { if case .report = $0 { false } else { true } } }

    static func run(_ machine: inout PodMachine, _ name: String, id: String, exit code: Int32) -> [Action] {
        _ = machine.handle(.created(container: name, id: id))
        _ = machine.handle(.started(container: name))
        return calls(machine.handle(.exited(id: id, .init(code: code, reason: "Error"))))
    }

    @Test("a pod that never restarts goes from sandbox to removal") func wholeLife() {
        var machine = Self.machine(.never)
        #expect(Self.calls(machine.handle(.begin)) == [.runSandbox])
        #expect(Self.calls(machine.handle(.sandboxReady("s"))) == [.create(container: "a", attempt: 0)])
        #expect(Self.calls(machine.handle(.created(container: "a", id: "1"))) == [.start(container: "a", id: "1")])
        #expect(machine.handle(.started(container: "a")) == [.report(.init(container: "a", from: "Created", to: "Running"))])
        let ended = machine.handle(.exited(id: "1", .init(code: 0, reason: "Completed")))
        #expect(Self.calls(ended) == [.remove(container: "a", id: "1", last: true)])
        #expect(Self.calls(machine.handle(.removed(container: "a"))) == [.stopSandbox("s")])
        #expect(Self.calls(machine.handle(.sandboxStopped)) == [.removeSandbox("s")])
        #expect(Self.calls(machine.handle(.sandboxRemoved)) == [.finished])
        #expect(Verdict(machine).isAsExpected)
    }

    @Test("an exit that overtakes the answer to start is still a run") func exitBeforeStartReply() {
        var machine = Self.machine(.never, ["a", "b"])
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        _ = machine.handle(.created(container: "a", id: "1"))
        let actions = machine.handle(.exited(id: "1", .init(code: 3, reason: "Error")))
        #expect(actions.count == 2 && actions.first == .report(.init(container: "a", from: "Created", to: "Running")))
        #expect(Self.calls(machine.handle(.started(container: "a"))) == [])
        #expect(Self.calls(machine.handle(.exited(id: "1", .init(code: 3, reason: "Error")))) == [], "an exit told twice counts once")
    }

    @Test("Always restarts with growing delays and removes the attempt before") func always() {
        var machine = Self.machine(.always)
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        let delays: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(3), .seconds(3)]
        for (number, delay) in delays.enumerated() {
            #expect(Self.run(&machine, "a", id: "\(number)", exit: 0) == [.wait(container: "a", delay)])
            let next = Self.calls(machine.handle(.backoffOver(container: "a")))
            #expect(next == [.remove(container: "a", id: "\(number)", last: false), .create(container: "a", attempt: UInt32(number + 1))])
        }
    }

    @Test("OnFailure restarts a failure and not a success") func onFailure() {
        var machine = Self.machine(.onFailure, ["a", "b"])
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        #expect(Self.run(&machine, "a", id: "1", exit: 0) == [])
        #expect(Self.run(&machine, "b", id: "2", exit: 1) == [.wait(container: "b", .zero)])
    }

    @Test("an expected number of restarts ends Always, and more or fewer is a mismatch") func restartLimit() {
        var machine = Self.machine(.always)
        var manifest = machine.manifest
        manifest.expectations.restarts = ["a": 1]
        manifest.expectations.exitCodes = ["a": 2]
        machine = PodMachine(manifest, backoff: machine.backoff)
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        #expect(Self.run(&machine, "a", id: "1", exit: 2) == [.wait(container: "a", .zero)])
        #expect(!Verdict(machine).mismatches.contains { $0.contains("restarts") })
        _ = machine.handle(.backoffOver(container: "a"))
        #expect(Self.run(&machine, "a", id: "2", exit: 2) == [.remove(container: "a", id: "2", last: true)])
        #expect(Verdict(machine).isAsExpected)
    }

    @Test("init containers run one after the other before the rest") func initContainers() {
        var machine = Self.machine(.never, ["a"], initial: ["i", "j"])
        _ = machine.handle(.begin)
        #expect(Self.calls(machine.handle(.sandboxReady("s"))) == [.create(container: "i", attempt: 0)])
        #expect(Self.run(&machine, "i", id: "1", exit: 0) == [.create(container: "j", attempt: 0)])
        #expect(Self.run(&machine, "j", id: "2", exit: 0) == [.create(container: "a", attempt: 0)])
    }

    @Test("a failed init container ends a pod that never restarts") func failedInit() {
        var machine = Self.machine(.never, ["a"], initial: ["i"])
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        #expect(Self.run(&machine, "i", id: "1", exit: 1) == [.remove(container: "i", id: "1", last: true)])
        #expect(Verdict(machine).mismatches.count == 2)
    }

    @Test("stop waits for every exit before it removes anything") func stop() {
        var machine = Self.machine(.always, ["a", "b"])
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        for (name, id) in [("a", "1"), ("b", "2")] {
            _ = machine.handle(.created(container: name, id: id))
            _ = machine.handle(.started(container: name))
        }
        let stops = Self.calls(machine.handle(.stopRequested))
        #expect(stops == [.stop(container: "a", id: "1", graceSeconds: 30), .stop(container: "b", id: "2", graceSeconds: 30)])
        #expect(Self.calls(machine.handle(.exited(id: "1", .init(code: 143, reason: "Error")))) == [])
        #expect(Self.calls(machine.handle(.stopped(container: "b"))) == [], "the answer to stop may come before the exit")
        let last = Self.calls(machine.handle(.exited(id: "2", .init(code: 143, reason: "Error"))))
        #expect(last == [.remove(container: "a", id: "1", last: true), .remove(container: "b", id: "2", last: true)])
        #expect(Verdict(machine).isAsExpected, "a container that was stopped may end as it likes")
    }

    @Test("a stop while the sandbox is being made waits for it and removes it") func stopEarly() {
        var machine = Self.machine(.never)
        _ = machine.handle(.begin)
        #expect(Self.calls(machine.handle(.stopRequested)) == [])
        #expect(Self.calls(machine.handle(.sandboxReady("s"))) == [.stopSandbox("s")])
    }

    @Test("a container that cannot be created takes its pod down and is named") func createFails() {
        var machine = Self.machine(.never, ["a"])
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        #expect(Self.calls(machine.handle(.failed(call: "CreateContainer", container: "a", reason: "no image"))) == [.stopSandbox("s")])
        #expect(Verdict(machine).mismatches.first == "CreateContainer a: no image")
    }

    @Test("without a sandbox there is nothing to take down") func sandboxFails() {
        var machine = Self.machine(.never)
        _ = machine.handle(.begin)
        #expect(Self.calls(machine.handle(.failed(call: "RunPodSandbox", container: nil, reason: "no"))) == [.finished])
    }

    @Test("the container named by stop-after ends the pod") func stopAfter() {
        var manifest = Self.machine(.never, ["server", "client"]).manifest
        manifest.expectations.stopAfter = "client"
        var machine = PodMachine(manifest, backoff: Backoff())
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        _ = machine.handle(.created(container: "server", id: "1"))
        _ = machine.handle(.started(container: "server"))
        #expect(Self.run(&machine, "client", id: "2", exit: 0) == [.stop(container: "server", id: "1", graceSeconds: 30)])
    }
}
