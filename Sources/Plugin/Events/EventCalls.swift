internal import Images
internal import Logging
internal import Messages
internal import SwiftProtobuf
internal import TTRPC
internal import TTRPCNIO

/// `GetContainerEvents`: what happens to containers from now on; and before that, for a client that says which event it has seen
/// last, what it has missed.
struct EventCalls: Sendable {
    /// Of the call: the `created_at` of the last event that the client has seen, in decimal digits. 0 asks for all that are kept.
    static let afterKey = "swiftlet-events-after"
    /// Read from the store at once.
    private static let batch = 256

    let site: Site

    func stream(_ context: CallContext, _ stream: ResponseStream<Runtime_V1_ContainerEventResponse>) async throws {
        let after = try Self.position(context.metadata(Self.afterKey))
        let (events, last) = site.board.subscribe()
        if let after { try await replay(after: after, upTo: last, to: stream) }
        for try await event in events { try await stream.send(event) }
    }

    private func replay(after: UInt64, upTo last: UInt64, to stream: ResponseStream<Runtime_V1_ContainerEventResponse>) async throws {
        let store = site.store
        let bounds = try await offPool { try store.eventBounds() }
        guard after >= bounds.floor else { throw PluginError.eventsGone(after: after, floor: bounds.floor) }
        guard after <= last else {
            throw PluginError.invalid(field: "metadata \(Self.afterKey)", reason: "\(after) is no event of this node")
        }
        var position = after
        while position < last {
            let from = position
            let found = try await offPool { try store.events(after: from, upTo: last, limit: Self.batch) }
            guard let newest = found.last else { return }
            for event in found { try await stream.send(try Runtime_V1_ContainerEventResponse(serializedBytes: event.message)) }
            position = newest.sequence
            // What was thrown away meanwhile, by a client that reads slower than things happen.
            let floor = try await offPool { try store.eventBounds().floor }
            guard position >= floor else { throw PluginError.eventsGone(after: position, floor: floor) }
        }
    }

    static func position(_ text: String?) throws(PluginError) -> UInt64? {
        guard let text else { return nil }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
            throw .invalid(field: "metadata \(afterKey)", reason: "\(quoted(text)) is no number of an event")
        }
        return UInt64(number)
    }
}
