/// The streams of one connection from the server's side: which there are, and which of their two directions are open.
///
/// A client opens streams, the server none. Nothing here sends or waits: what is to be done comes back as actions.
package struct ServerStreams: Sendable {
    package enum Action: Equatable, Sendable {
        case send(Frame)
        /// Answer with `accept` or `refuse`, before anything else is received.
        case opened(stream: UInt32, Headers)
        case data(stream: UInt32, [UInt8])
        /// The client sends nothing more on it.
        case ended(stream: UInt32)
        /// The client wants nothing more of it: both directions are closed.
        case reset(stream: UInt32)
    }

    private struct Open {
        var clientEnded = false
        var serverEnded = false
        var isClosed: Bool { clientEnded && serverEnded }
    }

    private let limit: Int
    private var open: [UInt32: Open] = [:]
    /// The highest number of a stream that was opened.
    package private(set) var last: UInt32 = 0
    private var hasLeft = false

    /// `limit`: streams at one time; those beyond it are refused.
    package init(limit: Int) { self.limit = limit }

    package var count: Int { open.count }

    /// Whether what the server says on it is of any use.
    package func canSend(_ stream: UInt32) -> Bool { open[stream].map { !$0.serverEnded } ?? false }

    package mutating func receive(_ event: FrameEvent) throws(SPDYError) -> [Action] {
        switch event {
        case .frame(let frame): return try receive(frame)
        case .refused(let stream):
            // A stream that never was has a number all the same.
            if stream > last, stream % 2 == 1 { last = stream }
            open[stream] = nil
            return [.reset(stream: stream), .send(.reset(stream: stream, .protocolError))]
        case .data(let stream, let bytes, let isLast):
            guard let state = open[stream] else {
                // One that is closed here while its data were under way is nobody's fault.
                return stream > last || stream % 2 == 0 ? [.send(.reset(stream: stream, .invalidStream))] : []
            }
            guard !state.clientEnded else {
                open[stream] = nil
                return [.reset(stream: stream), .send(.reset(stream: stream, .streamAlreadyClosed))]
            }
            return (bytes.isEmpty ? [] : [.data(stream: stream, bytes)]) + (isLast ? clientEnded(stream) : [])
        }
    }

    private mutating func receive(_ frame: Frame) throws(SPDYError) -> [Action] {
        switch frame {
        case .synStream(let new): return try opened(new)
        case .synReply(let stream, _, _): return [.send(.reset(stream: stream, .invalidStream))]
        case .reset(let stream, _): return open.removeValue(forKey: stream) == nil ? [] : [.reset(stream: stream)]
        // Odd: the client's own. The others answer what was not asked.
        case .ping(let id): return id % 2 == 1 ? [.send(frame)] : []
        case .goAway:
            hasLeft = true
            return []
        case .headers(let stream, _, let isLast): return isLast && open[stream]?.clientEnded == false ? clientEnded(stream) : []
        // See Frame: there are no windows.
        case .settings, .windowUpdate: return []
        }
    }

    private mutating func opened(_ new: Frame.SynStream) throws(SPDYError) -> [Action] {
        // 2.3.2: one that is there already is that stream's error, a lower one the connection's.
        if new.stream == last { return [.send(.reset(stream: new.stream, .streamInUse))] }
        guard new.stream % 2 == 1, new.stream > last else { throw .streamOrder(stream: new.stream, after: last) }
        last = new.stream
        if hasLeft { return [] }
        guard open.count < limit else { return [.send(.reset(stream: new.stream, .refusedStream))] }
        open[new.stream] = Open(clientEnded: new.isLast, serverEnded: new.isUnidirectional)
        return [.opened(stream: new.stream, new.headers)] + (new.isLast ? [.ended(stream: new.stream)] : [])
    }

    private mutating func clientEnded(_ stream: UInt32) -> [Action] {
        open[stream]?.clientEnded = true
        forgetIfClosed(stream)
        return [.ended(stream: stream)]
    }

    /// The answer to a stream that is taken; nil: it takes none.
    package mutating func accept(_ stream: UInt32) -> Frame? {
        guard let state = open[stream], !state.serverEnded else {
            forgetIfClosed(stream)
            return nil
        }
        return .synReply(stream: stream, [:], isLast: false)
    }

    package mutating func refuse(_ stream: UInt32) -> Frame {
        open[stream] = nil
        return .reset(stream: stream, .refusedStream)
    }

    /// The server says nothing more on it: what it sent last said so.
    package mutating func end(_ stream: UInt32) {
        open[stream]?.serverEnded = true
        forgetIfClosed(stream)
    }

    private mutating func forgetIfClosed(_ stream: UInt32) {
        if open[stream]?.isClosed == true { open[stream] = nil }
    }
}
