package enum ClientAction: Equatable, Sendable {
    /// The call is over.
    case response(stream: UInt32, ResponseEnvelope)
    /// One message of a streaming answer.
    case message(stream: UInt32, [UInt8])
    /// A streaming answer ended well.
    case ended(stream: UInt32)
    /// The peer does not speak the protocol: the connection is of no use any more.
    case broken(Status)
}

/// The client's end of every stream on one connection. Pure, as `ServerStreams`.
package struct ClientStreams: Sendable {
    private let codec: any EnvelopeCodec.Type
    private var streams = OpenStreams()
    private var next: UInt32 = 1

    package init(codec: any EnvelopeCodec.Type) { self.codec = codec }

    package var active: [UInt32] { streams.ids }

    /// Begins a call.
    package mutating func open(_ request: RequestEnvelope, _ shape: CallShape = .unary) throws(Status) -> Frame {
        guard next < UInt32.max - 1 else { throw Status(.unavailable, "all stream ids of this connection are used") }
        let payload = codec.encode(request)
        guard payload.count <= Frame.mostPayload else { throw Self.tooLarge(payload.count) }
        let stream = next
        next += 2
        streams.append(OpenStream(id: stream, shape: shape, requestBytes: 0, inputEnded: shape != .clientOpen))
        return Frame(stream: stream, kind: .request, flags: shape.requestFlags, payload: payload)
    }

    /// One more message on a stream that was opened with `.clientOpen`. Nil: the call is over, or its end was sent.
    package func send(_ stream: UInt32, _ message: [UInt8]) throws(Status) -> Frame? {
        guard let found = streams[stream], !found.inputEnded else { return nil }
        guard message.count <= Frame.mostPayload else { throw Self.tooLarge(message.count) }
        return Frame(stream: stream, kind: .data, payload: message)
    }

    /// Says that no more messages come. Nil: the call is over, or it was said.
    package mutating func endOutput(_ stream: UInt32) -> Frame? {
        guard let found = streams[stream], !found.inputEnded else { return nil }
        streams.endInput(stream)
        return .end(of: stream)
    }

    /// Forgets a call that nobody waits for any more: ttrpc has no word for that, so the answer is dropped when it comes.
    package mutating func abandon(_ stream: UInt32) { _ = streams.remove(stream) }

    package mutating func receive(_ event: FrameEvent) -> [ClientAction] {
        switch event {
        case .refused(let stream, _, let status):
            // Also for a stream that is over: what the peer sends is not understood, but the next frame is.
            guard streams.remove(stream) != nil else { return [] }
            return [.response(stream: stream, ResponseEnvelope(status: status))]
        case .frame(let frame):
            switch frame.kind {
            case .request: return [.broken(Status(.internal, "stream \(frame.stream): a request from the server"))]
            case .response: return response(frame)
            case .data: return data(frame)
            }
        }
    }

    private mutating func response(_ frame: Frame) -> [ClientAction] {
        guard streams.remove(frame.stream) != nil else { return strange(frame) }
        guard let envelope = codec.decodeResponse(frame.payload) else {
            let status = Status(.internal, "stream \(frame.stream): payload is no ttrpc.Response")
            return [.response(stream: frame.stream, ResponseEnvelope(status: status))]
        }
        return [.response(stream: frame.stream, envelope)]
    }

    private mutating func data(_ frame: Frame) -> [ClientAction] {
        guard let stream = streams[frame.stream] else { return strange(frame) }
        guard stream.shape != .unary else {
            _ = streams.remove(frame.stream)
            let status = Status(.internal, "stream \(frame.stream): stream data as the answer to a unary call")
            return [.response(stream: frame.stream, ResponseEnvelope(status: status))]
        }
        var actions: [ClientAction] = []
        if !frame.flags.contains(.noData) { actions.append(.message(stream: frame.stream, frame.payload)) }
        if frame.flags.contains(.remoteClosed) {
            _ = streams.remove(frame.stream)
            actions.append(.ended(stream: frame.stream))
        }
        return actions
    }

    /// A late answer to an abandoned call is fine; one to a call that was never made is not.
    private func strange(_ frame: Frame) -> [ClientAction] {
        if frame.stream % 2 == 1 && frame.stream < next { return [] }
        return [.broken(Status(.internal, "stream \(frame.stream): an answer to no call of ours"))]
    }

    private static func tooLarge(_ count: Int) -> Status {
        Status(.resourceExhausted, "message of \(count) bytes: more than \(Frame.mostPayload)")
    }
}
