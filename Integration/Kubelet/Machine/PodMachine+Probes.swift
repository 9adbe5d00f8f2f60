// What a container that runs is asked, and what follows from its answers.
extension PodMachine {
    /// It runs and its hook, if there is one, went well.
    mutating func afterPostStart(_ index: Int) -> [Action] {
        guard let probe = manifest.container(containers[index].name)?.probe(.startup) else { return afterStartup(index) }
        return check(index, .startup, after: .seconds(probe.initialDelaySeconds))
    }

    private mutating func afterStartup(_ index: Int) -> [Action] {
        containers[index].isStarted = true
        containers[index].hasStarted = true
        var actions: [Action] = []
        let container = manifest.container(containers[index].name)
        if let probe = container?.probe(.liveness) { actions += check(index, .liveness, after: .seconds(probe.initialDelaySeconds)) }
        if let probe = container?.probe(.readiness) {
            actions += check(index, .readiness, after: .seconds(probe.initialDelaySeconds))
        } else {
            containers[index].isReady = true
        }
        return actions + (containers[index].role == .sidecar ? startNext() : [])
    }

    private func check(_ index: Int, _ kind: ProbeKind, after delay: Duration) -> [Action] {
        guard let id = containers[index].id else { return [] }
        return [.probe(container: containers[index].name, id: id, kind, after: delay)]
    }

    mutating func probed(_ name: String, _ id: String, _ kind: ProbeKind, _ passed: Bool, _ message: String) -> [Action] {
        guard let index = index(name), containers[index].id == id, containers[index].phase == .running else { return [] }
        guard stage == .running, containers[index].ending == nil, let probe = manifest.container(name)?.probe(kind) else { return [] }
        var tally = containers[index].tallies[kind] ?? Container.Tally()
        tally = Container.Tally(passes: passed ? tally.passes + 1 : 0, failures: passed ? 0 : tally.failures + 1)
        containers[index].tallies[kind] = tally
        let again = check(index, kind, after: .seconds(probe.periodSeconds))
        switch kind {
        case .startup:
            if tally.passes >= probe.successThreshold { return afterStartup(index) }
        case .liveness: break
        case .readiness:
            if tally.passes >= probe.successThreshold { return ready(index, true, "") + again }
            return tally.failures >= probe.failureThreshold ? ready(index, false, message) + again : again
        }
        guard tally.failures >= probe.failureThreshold else { return again }
        containers[index].ending = .probe(kind)
        let said = report(name, "Running", "Unhealthy", detail: "\(kind.rawValue) probe: \(message)")
        return [said] + end(index, graceSeconds: probe.terminationGraceSeconds ?? manifest.terminationGraceSeconds)
    }

    private mutating func ready(_ index: Int, _ isReady: Bool, _ message: String) -> [Action] {
        guard containers[index].isReady != isReady else { return [] }
        containers[index].isReady = isReady
        let words = isReady ? ("NotReady", "Ready") : ("Ready", "NotReady")
        return [report(containers[index].name, words.0, words.1, detail: message)]
    }

    mutating func hooked(_ name: String, _ id: String, _ kind: HookKind, _ failure: String?, _ took: Duration) -> [Action] {
        guard let index = index(name), containers[index].id == id, containers[index].hook == kind else { return [] }
        containers[index].hook = nil
        guard containers[index].phase == .running else { return [] }
        switch kind {
        case .postStart:
            guard stage == .running, containers[index].ending == nil else { return [] }
            guard let failure else { return afterPostStart(index) }
            containers[index].ending = .postStart
            let said = report(name, "Running", "Unhealthy", detail: "postStart hook: \(failure)")
            return [said] + end(index, graceSeconds: manifest.terminationGraceSeconds)
        case .preStop:
            // What the hook took is taken off the grace; some is always left (Kubernetes: 2 s).
            let rest = max(2, manifest.terminationGraceSeconds - took.components.seconds)
            let said = failure.map { [report(name, "Running", "Stopping", detail: "preStop hook: \($0)")] } ?? []
            return said + [.stop(container: name, id: id, graceSeconds: rest)]
        }
    }

    /// Asks for the end of one container: its preStop hook first.
    mutating func end(_ index: Int, graceSeconds: Int64) -> [Action] {
        guard let id = containers[index].id, !containers[index].stopAsked else { return [] }
        containers[index].stopAsked = true
        let name = containers[index].name
        guard graceSeconds > 0, containers[index].phase == .running, manifest.container(name)?.lifecycle.preStop != nil else {
            return [.stop(container: name, id: id, graceSeconds: graceSeconds)]
        }
        containers[index].hook = .preStop
        return [.hook(container: name, id: id, .preStop, limit: .seconds(graceSeconds))]
    }
}
