package import Messages

/// What swiftletd has, and how a person names a part of it: `POD`, `NAMESPACE/POD`, `POD/CONTAINER`, `NAMESPACE/POD/CONTAINER`, or an id
/// or the beginning of one.
package struct Inventory: Sendable {
    package let pods: [Runtime_V1_PodSandbox]
    package let containers: [Runtime_V1_Container]

    package init(pods: [Runtime_V1_PodSandbox], containers: [Runtime_V1_Container]) {
        // A pod that was made again, or a container that was started again: the newest is meant.
        self.pods = pods.sorted { $0.createdAt > $1.createdAt }
        self.containers = containers.sorted { $0.createdAt > $1.createdAt }
    }

    package enum Found: Equatable, Sendable {
        case pod(Runtime_V1_PodSandbox)
        case container(Runtime_V1_Container)
    }

    /// The container that is meant: a pod stands for its only one.
    package func container(_ text: String) throws(CommandFailure) -> Runtime_V1_Container {
        switch try find(text) {
        case .container(let container): return container
        case .pod(let pod):
            let all = current(in: pod)
            if let one = all.first, all.count == 1 { return one }
            let running = all.filter { $0.state == .containerRunning }
            if let one = running.first, running.count == 1 { return one }
            let names = all.map(\.metadata.name).sorted().joined(separator: ", ")
            throw CommandFailure(
                "find container", text, all.isEmpty ? "the pod has no container" : "the pod has several, name one: \(text)/… (\(names))")
        }
    }

    package func pod(_ text: String) throws(CommandFailure) -> Runtime_V1_PodSandbox {
        switch try find(text) {
        case .pod(let pod): return pod
        case .container(let container):
            guard let pod = pods.first(where: { $0.id == container.podSandboxID }) else {
                throw CommandFailure("find pod", text, "there is none")
            }
            return pod
        }
    }

    package func find(_ text: String) throws(CommandFailure) -> Found {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandFailure("find", text, "is no name: POD, POD/CONTAINER, NAMESPACE/POD/CONTAINER or an id")
        }
        switch parts.count {
        case 3:
            if let pod = try pod(named: parts[1], parts[0], text), let found = container(parts[2], in: pod) { return .container(found) }
        case 2:
            if let pod = try pod(named: parts[0], nil, text), let found = container(parts[1], in: pod) { return .container(found) }
            if let pod = try pod(named: parts[1], parts[0], text) { return .pod(pod) }
        default:
            if let pod = try pod(named: text, nil, text) { return .pod(pod) }
            if let found = try byID(text) { return found }
        }
        throw CommandFailure("find", text, "there is no such pod or container")
    }

    private func pod(named name: String, _ namespace: String?, _ text: String) throws(CommandFailure) -> Runtime_V1_PodSandbox? {
        let all = pods.filter { $0.metadata.name == name && (namespace == nil || $0.metadata.namespace == namespace) }
        let namespaces = Set(all.map(\.metadata.namespace))
        guard namespaces.count < 2 else {
            throw CommandFailure("find", text, "is in several namespaces: \(namespaces.sorted().joined(separator: ", "))")
        }
        return all.first { $0.state == .sandboxReady } ?? all.first
    }

    private func container(_ name: String, in pod: Runtime_V1_PodSandbox) -> Runtime_V1_Container? {
        current(in: pod).first { $0.metadata.name == name }
    }

    /// The newest of each name.
    private func current(in pod: Runtime_V1_PodSandbox) -> [Runtime_V1_Container] {
        var seen: Set<String> = []
        return containers.filter { $0.podSandboxID == pod.id && seen.insert($0.metadata.name).inserted }
    }

    /// Of at least two characters, so that no single letter is taken for one.
    private func byID(_ text: String) throws(CommandFailure) -> Found? {
        guard text.count >= 2 else { return nil }
        let found =
            containers.filter { $0.id.hasPrefix(text) }.map { Found.container($0) }
            + pods.filter { $0.id.hasPrefix(text) }.map { Found.pod($0) }
        guard found.count < 2 else { throw CommandFailure("find", text, "is the beginning of \(found.count) ids") }
        return found.first
    }

    /// `pod/container`, with the namespace when it is not the usual one.
    package func name(of container: Runtime_V1_Container) -> String {
        guard let pod = pods.first(where: { $0.id == container.podSandboxID }) else { return container.metadata.name }
        return "\(Self.name(of: pod))/\(container.metadata.name)"
    }

    package static func name(of pod: Runtime_V1_PodSandbox) -> String {
        pod.metadata.namespace == "default" || pod.metadata.namespace.isEmpty
            ? pod.metadata.name : "\(pod.metadata.namespace)/\(pod.metadata.name)"
    }

    /// Everything that a person may type.
    package var names: [String] { pods.map { Self.name(of: $0) } + containers.map { name(of: $0) } }
}
