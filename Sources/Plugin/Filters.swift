package import Messages

/// CRI's filters: everything that is set must hold; an id may be a prefix.
extension Runtime_V1_PodSandboxFilter {
    package func matches(_ pod: Runtime_V1_PodSandboxStatus) -> Bool {
        (id.isEmpty || pod.id.hasPrefix(id)) && (!hasState || state.state == pod.state) && pod.labels.contains(labelSelector)
    }
}

extension Runtime_V1_ContainerFilter {
    package func matches(_ entry: Board.Entry) -> Bool {
        (id.isEmpty || entry.status.id.hasPrefix(id)) && (!hasState || state.state == entry.status.state)
            && (podSandboxID.isEmpty || entry.pod.hasPrefix(podSandboxID)) && entry.status.labels.contains(labelSelector)
    }
}

extension [String: String] {
    fileprivate func contains(_ selector: [String: String]) -> Bool { selector.allSatisfy { self[$0.key] == $0.value } }
}
