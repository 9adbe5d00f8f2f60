// What an exit leads to.
extension PodMachine {
    mutating func exited(_ id: String, _ exit: Exit) -> [Action] {
        guard let index = containers.firstIndex(where: { $0.id == id }) else { return [] }
        var actions: [Action] = []
        switch containers[index].phase {
        case .created: actions.append(move(index, to: .running))
        case .running: break
        case .waiting, .creating, .backoff, .exited: return []
        }
        containers[index].exit = exit
        containers[index].exits.append(exit)
        containers[index].wasStopped = stage == .stopping || containers[index].ending != nil
        (containers[index].isReady, containers[index].isStarted, containers[index].hook) = (false, false, nil)
        actions.append(move(index, to: .exited, detail: "exit code \(exit.code), \(exit.reason)"))
        return actions + (stage == .running ? afterExit(index, exit) : advanceStop())
    }

    private mutating func afterExit(_ index: Int, _ exit: Exit) -> [Action] {
        let container = containers[index]
        if restarts(container, after: exit) { return restart(index, exit) }
        if container.role == .initial && exit.code != 0 { return stopPod("init container \(container.name) failed") }
        if manifest.expectations.stopAfter == container.name { return stopPod("container \(container.name) is done") }
        if container.role == .sidecar { return [] }
        if containers.allSatisfy({ $0.role != .main || $0.phase == .exited }) { return stopPod("all containers are done") }
        return container.role == .initial ? startNext() : []
    }

    private mutating func restart(_ index: Int, _ exit: Exit) -> [Action] {
        containers[index].restarts += 1
        // Kubernetes forgives what ran for twice the longest delay.
        containers[index].delays = exit.ran >= backoff.limit * 2 ? 1 : containers[index].delays + 1
        let delay = backoff.delay(beforeRestart: containers[index].delays)
        return [
            move(index, to: .backoff, detail: "restart \(containers[index].restarts) in \(delay)"),
            .wait(container: containers[index].name, delay),
        ]
    }

    /// The restart policy (Kubernetes API, PodSpec.restartPolicy). An expected number of restarts is where Always ends. What a probe or a
    /// hook ended starts again whatever its exit code, unless nothing does.
    private func restarts(_ container: Container, after exit: Exit) -> Bool {
        if let limit = manifest.expectations.restarts[container.name], container.restarts >= limit { return false }
        if container.role == .sidecar { return true }
        switch manifest.restartPolicy {
        case .never: return false
        case .onFailure: return exit.code != 0 || container.ending != nil
        case .always: return container.role == .main || exit.code != 0 || container.ending != nil
        }
    }
}
