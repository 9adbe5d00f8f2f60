// What a person is told of a pod at one moment.
extension PodMachine {
    /// As `kubectl get pods` has it: `Init:1/2`, `ContainerCreating`, `Running`, `CrashLoopBackOff`, `Completed`, `Error`, `Terminating`.
    package var status: String {
        switch stage {
        case .new, .starting: return "Pending"
        case .stopping, .removing, .stoppingSandbox, .removingSandbox: return "Terminating"
        case .finished: return podFailure ?? (failures.isEmpty && !hasFailed ? "Completed" : "Error")
        case .running: break
        }
        let initial = containers.filter { $0.role != .main }
        let passed = initial.filter { $0.role == .sidecar ? $0.hasStarted : $0.phase == .exited && $0.exit?.code == 0 }
        if passed.count < initial.count {
            return initial.contains { $0.phase == .backoff } ? "Init:CrashLoopBackOff" : "Init:\(passed.count)/\(initial.count)"
        }
        let mains = containers.filter { $0.role == .main }
        if mains.contains(where: { $0.phase == .backoff }) { return "CrashLoopBackOff" }
        if mains.contains(where: { [.waiting, .creating, .created].contains($0.phase) }) { return "ContainerCreating" }
        return "Running"
    }

    private var hasFailed: Bool { containers.contains { $0.role == .main && !$0.wasStopped && ($0.exit?.code ?? 0) != 0 } }

    /// Those that stay, sidecars among them.
    package var counted: [Container] { containers.filter { $0.role != .initial } }
    package var readyCount: Int { counted.count { $0.isReady && $0.phase == .running } }
    package var restarts: Int { containers.reduce(0) { $0 + $1.restarts } }
    /// Every container that stays has run: the pod has started.
    package var isUp: Bool { stage == .running && counted.allSatisfy { $0.phase == .running } }
}
