// From the sandbox to containers that run.
extension PodMachine {
    mutating func begin() -> [Action] {
        guard stage == .new else { return [] }
        stage = .starting
        let deadline: [Action] = manifest.activeDeadlineSeconds.map { [.deadline(.seconds($0))] } ?? []
        return [.runSandbox, report(nil, "Pending", "SandboxCreating")] + deadline
    }

    mutating func sandboxReady(_ id: String) -> [Action] {
        sandbox = id
        if stage == .stopping { return advanceStop() }
        stage = .running
        return [report(nil, "SandboxCreating", "SandboxReady")] + startNext()
    }

    /// Init containers one after the other, then the rest together.
    mutating func startNext() -> [Action] {
        for index in containers.indices {
            switch containers[index].role {
            case .initial:
                if containers[index].phase == .exited && containers[index].exit?.code == 0 { continue }
            case .sidecar:
                if containers[index].hasStarted { continue }
            case .main: continue
            }
            return containers[index].phase == .waiting ? create(index) : []
        }
        return containers.indices.filter { containers[$0].role == .main && containers[$0].phase == .waiting }.flatMap { create($0) }
    }

    mutating func create(_ index: Int) -> [Action] {
        let old = containers[index].id
        let moved = move(index, to: .creating)
        containers[index].beginAttempt()
        let call = Action.create(container: containers[index].name, attempt: UInt32(containers[index].restarts))
        // The log and status of an attempt are kept until there is a next one.
        return [moved] + (old.map { [.remove(container: containers[index].name, id: $0, last: false)] } ?? []) + [call]
    }

    mutating func created(_ name: String, _ id: String) -> [Action] {
        guard let index = index(name), containers[index].phase == .creating else { return [] }
        containers[index].id = id
        let moved = move(index, to: .created)
        if stage != .running { return [moved] + advanceStop() }
        containers[index].startAsked = true
        return [moved, .start(container: name, id: id)]
    }

    mutating func started(_ name: String) -> [Action] {
        // An exit that overtook this answer has moved on already.
        guard let index = index(name), let id = containers[index].id, containers[index].phase == .created else { return [] }
        let moved = move(index, to: .running)
        guard stage == .running else { return [moved] }
        guard manifest.container(name)?.lifecycle.postStart == nil else {
            containers[index].hook = .postStart
            return [moved, .hook(container: name, id: id, .postStart, limit: Self.postStartLimit)]
        }
        return [moved] + afterPostStart(index)
    }

    /// Kubernetes has none; something that hangs for ever is named in the end.
    static let postStartLimit: Duration = .seconds(120)

    mutating func backoffOver(_ name: String) -> [Action] {
        guard let index = index(name), containers[index].phase == .backoff, stage == .running else { return [] }
        return create(index)
    }

    mutating func deadlineOver() -> [Action] {
        guard stage == .starting || stage == .running else { return [] }
        podFailure = "DeadlineExceeded"
        return stopPod("active for longer than \(manifest.activeDeadlineSeconds ?? 0) s")
    }
}
