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

    // Probes, hooks, sidecars.

    static func running(_ change: (inout ContainerManifest) -> Void, policy: PodManifest.RestartPolicy = .always) -> (PodMachine, [Action])
    {
        var manifest = machine(policy).manifest
        change(&manifest.containers[0])
        var machine = PodMachine(manifest, backoff: Backoff(base: .seconds(1), limit: .seconds(3)))
        _ = machine.handle(.begin)
        _ = machine.handle(.sandboxReady("s"))
        _ = machine.handle(.created(container: "a", id: "1"))
        let actions = calls(machine.handle(.started(container: "a")))
        return (machine, actions)
    }

    static func probe(failures: Int = 3, delay: Int64 = 0) -> Probe {
        var probe = Probe(.command(["x"]))
        (probe.failureThreshold, probe.initialDelaySeconds, probe.periodSeconds) = (failures, delay, 7)
        return probe
    }

    func answer(_ machine: inout PodMachine, _ kind: ProbeKind, _ passed: Bool) -> [Action] {
        Self.calls(machine.handle(.probed(container: "a", id: "1", kind, passed: passed, message: "no")))
    }

    @Test("a liveness probe that fails often enough in a row ends its container, which starts again") func liveness() {
        var (machine, began) = Self.running { $0.probes[.liveness] = Self.probe(failures: 2, delay: 5) }
        #expect(began == [.probe(container: "a", id: "1", .liveness, after: .seconds(5))])
        let again = [Action.probe(container: "a", id: "1", .liveness, after: .seconds(7))]
        #expect(answer(&machine, .liveness, false) == again)
        #expect(answer(&machine, .liveness, true) == again, "a success in between forgives")
        #expect(answer(&machine, .liveness, false) == again)
        #expect(answer(&machine, .liveness, false) == [.stop(container: "a", id: "1", graceSeconds: 30)])
        #expect(answer(&machine, .liveness, false) == [], "nothing more is asked of what is being ended")
        #expect(Self.calls(machine.handle(.exited(id: "1", .init(code: 0, reason: "Completed")))) == [.wait(container: "a", .zero)])
        #expect(answer(&machine, .liveness, false) == [], "an answer about an attempt that is over counts for nothing")
    }

    @Test("a container that a probe ended does not start again in a pod that never restarts") func livenessNever() {
        var (machine, _) = Self.running({ $0.probes[.liveness] = Self.probe(failures: 1) }, policy: .never)
        #expect(answer(&machine, .liveness, false) == [.stop(container: "a", id: "1", graceSeconds: 30)])
        #expect(
            Self.calls(machine.handle(.exited(id: "1", .init(code: 143, reason: "Error")))) == [
                .remove(container: "a", id: "1", last: true)
            ])
    }

    @Test("the other probes wait for the startup probe") func startup() {
        var (machine, began) = Self.running {
            for kind in ProbeKind.allCases { $0.probes[kind] = Self.probe(delay: 1) }
        }
        #expect(began == [.probe(container: "a", id: "1", .startup, after: .seconds(1))])
        let others = [ProbeKind.liveness, .readiness].map { Action.probe(container: "a", id: "1", $0, after: .seconds(1)) }
        #expect(answer(&machine, .startup, true) == others)
        #expect(machine.readyCount == 0)
        _ = answer(&machine, .readiness, true)
        #expect(machine.readyCount == 1 && machine.status == "Running")
        for _ in 1...3 { _ = answer(&machine, .readiness, false) }
        #expect(machine.readyCount == 0 && machine.containers[0].phase == .running, "readiness ends nothing")
    }

    @Test("probes begin when the postStart hook is done, and a hook that fails ends the container") func postStart() {
        let change: (inout ContainerManifest) -> Void = {
            $0.lifecycle.postStart = .command(["x"])
            $0.probes[.liveness] = Self.probe()
        }
        var (machine, began) = Self.running(change)
        #expect(began == [.hook(container: "a", id: "1", .postStart, limit: PodMachine.postStartLimit)])
        let good = Self.calls(machine.handle(.hooked(container: "a", id: "1", .postStart, failure: nil, took: .zero)))
        #expect(good == [.probe(container: "a", id: "1", .liveness, after: .zero)])
        (machine, _) = Self.running(change)
        let bad = Self.calls(machine.handle(.hooked(container: "a", id: "1", .postStart, failure: "no", took: .zero)))
        #expect(bad == [.stop(container: "a", id: "1", graceSeconds: 30)])
    }

    @Test("the preStop hook comes before the signal, and what it took is taken off the grace") func preStop() {
        var (machine, _) = Self.running { $0.lifecycle.preStop = .sleep(seconds: 1) }
        #expect(Self.calls(machine.handle(.stopRequested)) == [.hook(container: "a", id: "1", .preStop, limit: .seconds(30))])
        let after = Self.calls(machine.handle(.hooked(container: "a", id: "1", .preStop, failure: nil, took: .seconds(12))))
        #expect(after == [.stop(container: "a", id: "1", graceSeconds: 18)])
        (machine, _) = Self.running { $0.lifecycle.preStop = .sleep(seconds: 1) }
        _ = machine.handle(.stopRequested)
        let late = Self.calls(machine.handle(.hooked(container: "a", id: "1", .preStop, failure: "late", took: .seconds(30))))
        #expect(late == [.stop(container: "a", id: "1", graceSeconds: 2)])
    }

    @Test("a sidecar is waited for until it has started, restarts beside the others, and is ended last") func sidecar() {
        var manifest = Self.machine(.never, ["a"], initial: ["side", "i"]).manifest
        manifest.initContainers[0].isSidecar = true
        manifest.initContainers[0].probes[.startup] = Self.probe()
        var machine = PodMachine(manifest, backoff: Backoff(base: .seconds(1), limit: .seconds(3)))
        _ = machine.handle(.begin)
        #expect(Self.calls(machine.handle(.sandboxReady("s"))) == [.create(container: "side", attempt: 0)])
        _ = machine.handle(.created(container: "side", id: "1"))
        #expect(Self.calls(machine.handle(.started(container: "side"))) == [.probe(container: "side", id: "1", .startup, after: .zero)])
        let next = machine.handle(.probed(container: "side", id: "1", .startup, passed: true, message: ""))
        #expect(Self.calls(next) == [.create(container: "i", attempt: 0)])
        #expect(machine.status == "Init:1/2")
        #expect(Self.run(&machine, "i", id: "2", exit: 0) == [.create(container: "a", attempt: 0)])
        #expect(Self.calls(machine.handle(.exited(id: "1", .init(code: 1, reason: "Error")))) == [.wait(container: "side", .zero)])
        _ = machine.handle(.backoffOver(container: "side"))
        _ = machine.handle(.created(container: "side", id: "3"))
        _ = machine.handle(.started(container: "side"))
        #expect(
            Self.run(&machine, "a", id: "4", exit: 0) == [.stop(container: "side", id: "3", graceSeconds: 30)], "the pod is done without it"
        )
        let last = Self.calls(machine.handle(.exited(id: "3", .init(code: 143, reason: "Error"))))
        #expect(last.count == 3 && Verdict(machine).isAsExpected)
    }

    @Test("a pod that is active for too long is taken down and has failed") func deadline() {
        var manifest = Self.machine(.always).manifest
        manifest.activeDeadlineSeconds = 9
        var machine = PodMachine(manifest, backoff: Backoff())
        #expect(Self.calls(machine.handle(.begin)) == [.runSandbox, .deadline(.seconds(9))])
        _ = machine.handle(.sandboxReady("s"))
        _ = machine.handle(.created(container: "a", id: "1"))
        _ = machine.handle(.started(container: "a"))
        #expect(Self.calls(machine.handle(.deadlineOver)) == [.stop(container: "a", id: "1", graceSeconds: 30)])
        #expect(machine.podFailure == "DeadlineExceeded" && !Verdict(machine).mismatches.isEmpty)
    }

    @Test("a container that ran for long starts its delays anew") func forgiven() {
        var (machine, _) = Self.running { _ in }
        _ = machine.handle(.exited(id: "1", .init(code: 1, reason: "Error")))
        _ = machine.handle(.backoffOver(container: "a"))
        #expect(Self.run(&machine, "a", id: "2", exit: 1) == [.wait(container: "a", .seconds(1))])
        _ = machine.handle(.backoffOver(container: "a"))
        _ = machine.handle(.created(container: "a", id: "3"))
        _ = machine.handle(.started(container: "a"))
        let after = Self.calls(machine.handle(.exited(id: "3", .init(code: 1, reason: "Error", ran: .seconds(6)))))
        #expect(after == [.wait(container: "a", .zero)])
    }
}
