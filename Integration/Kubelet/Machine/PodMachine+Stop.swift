// The way down: containers stopped, removed, then the sandbox.
extension PodMachine {
    mutating func stopPod(_ why: String) -> [Action] {
        switch stage {
        case .new:
            stage = .finished
            return [.finished]
        case .starting, .running: break
        case .stopping, .removing, .stoppingSandbox, .removingSandbox, .finished: return []
        }
        let from = stage == .running ? "SandboxReady" : "SandboxCreating"
        stage = .stopping
        let said = report(nil, from, "Stopping", detail: why)
        return [said] + advanceStop()
    }

    /// Ends what runs, sidecars last and the one that came first at the very end; once nothing runs or is on its way, removes what there is.
    mutating func advanceStop() -> [Action] {
        guard stage == .stopping else { return [] }
        var actions: [Action] = []
        let others = containers.indices.filter { containers[$0].role != .sidecar && containers[$0].isBusy }
        let next = others.isEmpty ? containers.indices.last { containers[$0].isBusy }.map { [$0] } ?? [] : others
        for index in next where containers[index].phase != .creating {
            actions += end(index, graceSeconds: manifest.terminationGraceSeconds)
        }
        // A stop that came while the sandbox was being made waits for it.
        guard sandbox != nil, next.isEmpty else { return actions }
        return removeAll()
    }

    private mutating func removeAll() -> [Action] {
        stage = .removing
        var actions: [Action] = []
        for index in containers.indices {
            guard let id = containers[index].id else { continue }
            containers[index].removalPending = true
            actions.append(.remove(container: containers[index].name, id: id, last: true))
        }
        return actions.isEmpty ? stopSandbox() : actions
    }

    mutating func stopAnswered(_ name: String) -> [Action] {
        guard let index = index(name), stage == .stopping, containers[index].phase == .created else { return [] }
        // It never ran, so no exit will come.
        containers[index].startAsked = false
        return [move(index, to: .waiting)] + advanceStop()
    }

    mutating func removed(_ name: String) -> [Action] {
        guard let index = index(name), containers[index].removalPending else { return [] }
        containers[index].removalPending = false
        let gone = report(name, containers[index].phase.rawValue, "Removed")
        containers[index].id = nil
        guard stage == .removing, !containers.contains(where: \.removalPending) else { return [gone] }
        return [gone] + stopSandbox()
    }

    private mutating func stopSandbox() -> [Action] {
        guard let sandbox else { return end() }
        stage = .stoppingSandbox
        return [.stopSandbox(sandbox)]
    }

    mutating func sandboxStopped() -> [Action] {
        guard stage == .stoppingSandbox, let sandbox else { return [] }
        stage = .removingSandbox
        return [report(nil, "Stopping", "SandboxNotReady"), .removeSandbox(sandbox)]
    }

    mutating func sandboxRemoved() -> [Action] {
        guard stage == .removingSandbox else { return [] }
        return [report(nil, "SandboxNotReady", "Removed")] + end()
    }

    private mutating func end() -> [Action] {
        stage = .finished
        return [.finished]
    }

    mutating func failed(_ call: String, _ name: String?, _ reason: String) -> [Action] {
        // A start that lost the race against the stop of its pod is no failure.
        if stage == .stopping && call == "StartContainer" { return name.map { stopAnswered($0) } ?? [] }
        failures.append([call, name].compactMap { $0 }.joined(separator: " ") + ": \(reason)")
        var actions: [Action] = []
        if let name, let index = index(name) {
            actions.append(move(index, to: .exited, detail: "\(call): \(reason)"))
        }
        switch stage {
        case .starting where sandbox == nil: return actions + end()
        case .new, .starting, .running: return actions + stopPod("\(call) failed")
        case .stopping: return actions + (sandbox == nil ? end() : advanceStop())
        case .removing: return actions + (name.map { removed($0) } ?? [])
        case .stoppingSandbox, .removingSandbox: return actions + end()
        case .finished: return actions
        }
    }
}
