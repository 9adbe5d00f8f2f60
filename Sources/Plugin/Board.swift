package import Images
internal import LinuxSys
package import Messages
internal import SwiftProtobuf
internal import Synchronization

/// What is known of every pod and container at this moment, and who wants to hear of changes. Status and List answer from
/// here, so that nothing that goes on in a container delays them; a change and its event are one step.
///
/// An event's sequence number is its `created_at`: nanoseconds of the clock, made to rise with every event, also over restarts and
/// when the clock is set back.
package final class Board: Sendable {
    /// Entries that a subscriber may lag behind; then its stream ends, so that it lists again instead of missing one.
    static let mostPending = 4096

    package typealias Events = AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error>

    private struct State {
        var pods: [String: Runtime_V1_PodSandboxStatus] = [:]
        var containers: [String: Entry] = [:]
        var subscribers: [Int: Events.Continuation] = [:]
        var nextSubscriber = 0
        /// Of the newest event that was told.
        var last: UInt64 = 0
    }

    package struct Entry: Equatable, Sendable {
        package var pod: String
        package var status: Runtime_V1_ContainerStatus
    }

    private let state = Mutex(State())
    /// Held while an event is stored and told, so that both happen in the order of the sequence numbers: the newest that was given out.
    private let writing: Mutex<UInt64> = Mutex(0)

    package init() {}

    /// Every event from now on has a higher number than `last`.
    package func resume(after last: UInt64) {
        writing.withLock { $0 = max($0, last) }
        state.withLock { $0.last = max($0.last, last) }
    }

    package func put(_ pod: Runtime_V1_PodSandboxStatus) { state.withLock { $0.pods[pod.id] = pod } }

    package func removePod(_ id: String) { _ = state.withLock { $0.pods.removeValue(forKey: id) } }

    /// Replaces the container's status; nobody is told.
    package func put(_ entry: Entry) { state.withLock { $0.containers[entry.status.id] = entry } }

    /// Replaces the container's status (with `containerDeletedEvent` takes it away) and tells of it, once `store` has written the event
    /// down. What the store cannot write is told all the same, and its error thrown: it will not be told again. May block.
    package func put(
        _ entry: Entry, telling type: Runtime_V1_ContainerEventType, _ store: (StoredEvent) throws(ImageError) -> Void
    ) throws(ImageError) {
        var failure: ImageError?
        writing.withLock { last in
            last = max(last + 1, realtimeNanoseconds())
            let event = compose(type, entry, last)
            // A message of this program's own making always has a form.
            let bytes: [UInt8] = (try? event.serializedBytes()) ?? []
            do throws(ImageError) { try store(StoredEvent(sequence: last, message: bytes)) } catch { failure = error }
            publish(event, entry, last)
        }
        if let failure { throw failure }
    }

    package func pod(_ id: String) -> Runtime_V1_PodSandboxStatus? { state.withLock { $0.pods[id] } }
    package func container(_ id: String) -> Entry? { state.withLock { $0.containers[id] } }

    /// Newest first, as kubelets expect lists.
    package func allPods() -> [Runtime_V1_PodSandboxStatus] { state.withLock { $0.pods.values.sorted { $0.createdAt > $1.createdAt } } }

    package func allContainers() -> [Entry] {
        state.withLock { $0.containers.values.sorted { $0.status.createdAt > $1.status.createdAt } }
    }

    package func containers(of pod: String) -> [Runtime_V1_ContainerStatus] { state.withLock { Self.statuses(of: pod, $0) } }

    /// Every event from now on, and the number of the last one before.
    package func subscribe() -> (events: Events, last: UInt64) {
        let (stream, continuation) = Events.makeStream(bufferingPolicy: .bufferingOldest(Self.mostPending))
        let (number, last) = state.withLock { state in
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return (state.nextSubscriber, state.last)
        }
        continuation.onTermination = { [weak self] _ in self?.forget(number) }
        return (stream, last)
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

    private func compose(_ type: Runtime_V1_ContainerEventType, _ entry: Entry, _ sequence: UInt64) -> Runtime_V1_ContainerEventResponse {
        var event = Runtime_V1_ContainerEventResponse()
        event.containerID = entry.status.id
        event.containerEventType = type
        event.createdAt = Int64(clamping: sequence)
        state.withLock { state in
            if let pod = state.pods[entry.pod] { event.podSandboxStatus = pod }
            var others = Self.statuses(of: entry.pod, state).filter { $0.id != entry.status.id }
            if type != .containerDeletedEvent {
                let place = others.firstIndex { $0.createdAt > entry.status.createdAt } ?? others.endIndex
                others.insert(entry.status, at: place)
            }
            event.containersStatuses = others
        }
        return event
    }

    private func publish(_ event: Runtime_V1_ContainerEventResponse, _ entry: Entry, _ sequence: UInt64) {
        state.withLock { state in
            state.containers[entry.status.id] = event.containerEventType == .containerDeletedEvent ? nil : entry
            state.last = sequence
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
}
