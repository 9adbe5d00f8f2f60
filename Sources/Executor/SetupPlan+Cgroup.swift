internal import OCI

extension SetupPlan {
    /// Where among the steps the cgroup is joined. As late as can be: what is made before is not charged to the container and
    /// not held up by its limits. Without anything that depends on it that is just before the steps of the process itself.
    ///
    /// - Hooks may look for the cgroup of the process that they are told of: it is joined before them.
    /// - A cgroup namespace begins at the cgroup that one is in, and shows in the mounts of cgroup file systems: they come last of
    ///   the mounts then.
    /// - Without that namespace such a mount shows the container's own directories, which only have to be there.
    mutating func placeCgroup(_ spec: RuntimeSpec) {
        let hooks = steps.firstIndex { $0 == .awaitRuntimeHooks || $0 == .runHooks(.createContainer) }
        guard let namespace = spec.linux.namespace(.cgroup), namespace.path == nil else {
            steps.insert(.joinCgroup, at: hooks ?? steps.endIndex)
            if let first = steps.firstIndex(where: \.mountsCgroup) { steps.insert(.awaitCgroup, at: first) }
            return
        }
        let joining: [SetupStep] = [.joinCgroup, .unshareCgroupNamespace]
        guard let first = steps.firstIndex(where: \.mountsCgroup) else {
            return steps.insert(contentsOf: joining, at: hooks ?? steps.endIndex)
        }
        guard let late = takeCgroupMounts(from: first) else { return steps.insert(contentsOf: joining, at: first) }
        let end = steps.firstIndex { step in
            if case .enterRoot = step { return true }
            return step == .awaitRuntimeHooks || step == .runHooks(.createContainer)
        }
        steps.insert(contentsOf: joining + late, at: end ?? steps.endIndex)
    }

    /// Takes the mounts of cgroup file systems, and those below them, out of the steps. Nil, and nothing is taken, when a later mount
    /// covers the place of one: order counts then.
    private mutating func takeCgroupMounts(from first: Int) -> [SetupStep]? {
        let places = steps.compactMap { step in step.mountsCgroup ? step.mountPlace : nil }
        var kept = Array(steps[..<first])
        var late: [SetupStep] = []
        for step in steps[first...] {
            let place = step.mountPlace
            if let place, places.contains(where: place.starts(with:)) {
                late.append(step)
            } else if let place, places.contains(where: { $0.starts(with: place) }) {
                return nil
            } else {
                kept.append(step)
            }
        }
        steps = kept
        return late
    }
}

extension SetupStep {
    var mountsCgroup: Bool { if case .mount(let plan) = self, case .cgroup = plan.kind { true } else { false } }

    fileprivate var mountPlace: [String]? { if case .mount(let plan) = self { PathComponents(plan.destination).parts } else { nil } }
}
