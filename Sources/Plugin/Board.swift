internal import LinuxSys
package import Messages
internal import Synchronization

/// What is known of every pod and container at this moment, and who wants to hear of changes. Status and List answer from
/// here, so that nothing that goes on in a container delays them; a change and its event are one step.
package final class Board: Sendable {
    /// Entries that a subscriber may lag behind; then its stream ends, so that it lists again instead of missing one.
    static let mostPending = 4096

    package typealias Events = AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error>

    private struct State {
        var pods: [String: Runtime_V1_PodSandboxStatus] = [:]
        var containers: [String: Entry] = [:]
        var subscribers: [Int: Events.Continuation] = [:]
        var nextSubscriber = 0
    }

    package struct Entry: Equatable, Sendable {
        package var pod: String
        package var status: Runtime_V1_ContainerStatus
    }

    private let state = Mutex(State())

    package init() {}

    package func put(_ pod: Runtime_V1_PodSandboxStatus) { state.withLock { $0.pods[pod.id] = pod } }

    package func removePod(_ id: String) { _ = state.withLock { $0.pods.removeValue(forKey: id) } }

    /// Replaces the container's status and tells about it, if there is an event to tell.
    package func put(_ entry: Entry, event: Runtime_V1_ContainerEventType?) {
        state.withLock { state in
            state.containers[entry.status.id] = entry
            if let event { Self.publish(event, entry, &state) }
        }
    }

    package func removeContainer(_ id: String) {
        state.withLock { state in
            guard let entry = state.containers.removeValue(forKey: id) else { return }
            Self.publish(.containerDeletedEvent, entry, &state)
        }
    }

    package func pod(_ id: String) -> Runtime_V1_PodSandboxStatus? { state.withLock { $0.pods[id] } }
    package func container(_ id: String) -> Entry? { state.withLock { $0.containers[id] } }

    /// Newest first, as kubelets expect lists.
    package func allPods() -> [Runtime_V1_PodSandboxStatus] { state.withLock { $0.pods.values.sorted { $0.createdAt > $1.createdAt } } }

    package func allContainers() -> [Entry] {
        state.withLock { $0.containers.values.sorted { $0.status.createdAt > $1.status.createdAt } }
    }

    package func containers(of pod: String) -> [Runtime_V1_ContainerStatus] { state.withLock { Self.statuses(of: pod, $0) } }

    /// Every event from now on.
    package func subscribe() -> Events {
        let (stream, continuation) = Events.makeStream(bufferingPolicy: .bufferingOldest(Self.mostPending))
        let number = state.withLock { state in
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        continuation.onTermination = { [weak self] _ in self?.forget(number) }
        return stream
    }

    /// Ends every stream.
    package func close() {
        let all = state.withLock { state in
            defer { state.subscribers = [:] }
            return Array(state.subscribers.values)
        }
        for continuation in all { continuation.finish() }
    }

    private func forget(_ number: Int) { _ = state.withLock { $0.subscribers.removeValue(forKey: number) } }

    private static func statuses(of pod: String, _ state: State) -> [Runtime_V1_ContainerStatus] {
        state.containers.values.filter { $0.pod == pod }.map(\.status).sorted { $0.createdAt < $1.createdAt }
    }

    private static func publish(_ type: Runtime_V1_ContainerEventType, _ entry: Entry, _ state: inout State) {
        var event = Runtime_V1_ContainerEventResponse()
        event.containerID = entry.status.id
        event.containerEventType = type
        event.createdAt = Int64(clamping: realtimeNanoseconds())
        if let pod = state.pods[entry.pod] { event.podSandboxStatus = pod }
        event.containersStatuses = statuses(of: entry.pod, state)
        for (number, subscriber) in state.subscribers {
            switch subscriber.yield(event) {
            case .enqueued: break
            case .dropped, .terminated:
                state.subscribers[number] = nil
                // Outside the lock: ending a stream calls back into `forget`.
                Task { subscriber.finish(throwing: PluginError.laggingSubscriber.status) }
            @unknown default: state.subscribers[number] = nil
            }
        }
    }
}
