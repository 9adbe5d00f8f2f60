/// How messages go within one call.
package enum CallShape: Equatable, Sendable {
    /// One request, one response.
    case unary
    /// The request is all the client sends; the server answers with messages.
    case serverStream
    /// The client goes on sending messages; the server answers with one response or with messages.
    case clientOpen

    var requestFlags: Frame.Flags {
        switch self {
        case .unary: []
        case .serverStream: .remoteClosed
        case .clientOpen: .remoteOpen
        }
    }
}

/// What one connection may keep a server busy with.
package struct StreamLimits: Sendable {
    /// Calls that are not answered yet.
    package var calls: Int
    /// Bytes in requests that are not answered yet.
    package var requestBytes: Int

    package init(calls: Int = 4096, requestBytes: Int = 16 << 20) {
        self.calls = calls
        self.requestBytes = requestBytes
    }
}

package enum ServerAction: Equatable, Sendable {
    case call(stream: UInt32, RequestEnvelope, CallShape)
    /// One more message of the client on an open stream.
    case message(stream: UInt32, [UInt8])
    /// The client has sent its last message.
    case inputEnded(stream: UInt32)
    /// The call is over although the handler has not answered.
    case cancelled(stream: UInt32)
    case send(Frame)
}

/// The server's end of every stream on one connection. Pure: frames in, actions out, and the other way round.
package struct ServerStreams: Sendable {
    private let codec: any EnvelopeCodec.Type
    private let limits: StreamLimits
    private var streams = OpenStreams()
    private var last: UInt32 = 0
    private var requestBytes = 0

    package init(codec: any EnvelopeCodec.Type, limits: StreamLimits = StreamLimits()) {
        self.codec = codec
        self.limits = limits
    }

    package var isIdle: Bool { streams.isEmpty }
    package var active: [UInt32] { streams.ids }

    package mutating func receive(_ event: FrameEvent) -> [ServerAction] {
        switch event {
        case .refused(let stream, let kind, let status):
            if kind == Frame.Kind.request.rawValue && stream % 2 == 1 { last = max(last, stream) }
            return refuse(stream, status)
        case .frame(let frame):
            guard frame.stream % 2 == 1 else {
                return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): a client's streams are odd"))
            }
            switch frame.kind {
            case .request: return request(frame)
            case .data: return data(frame)
            case .response: return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): a response from a client"))
            }
        }
    }

    private mutating func request(_ frame: Frame) -> [ServerAction] {
        guard frame.stream > last else {
            return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): ids rise, and \(last) was used already"))
        }
        last = frame.stream
        guard frame.flags.isSubset(of: [.remoteClosed, .remoteOpen]), frame.flags.rawValue != 3 else {
            return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): request with flags \(frame.flags.rawValue)"))
        }
        guard streams.count < limits.calls, requestBytes + frame.payload.count <= limits.requestBytes else {
            return refuse(frame.stream, Status(.resourceExhausted, "too many calls in progress on one connection (\(streams.count))"))
        }
        guard let envelope = codec.decodeRequest(frame.payload) else {
            return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): payload is no ttrpc.Request"))
        }
        let shape: CallShape = frame.flags.isEmpty ? .unary : frame.flags == .remoteClosed ? .serverStream : .clientOpen
        streams.append(
            OpenStream(id: frame.stream, shape: shape, requestBytes: frame.payload.count, inputEnded: shape != .clientOpen))
        requestBytes += frame.payload.count
        return [.call(stream: frame.stream, envelope, shape)]
    }

    private mutating func data(_ frame: Frame) -> [ServerAction] {
        guard let stream = streams[frame.stream] else {
            // The server has answered already and the client did not know yet: nobody waits for this message.
            if frame.stream <= last { return [] }
            return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): data without a request"))
        }
        guard !stream.inputEnded, !frame.flags.contains(.remoteOpen) else {
            return refuse(frame.stream, Status(.invalidArgument, "stream \(frame.stream): data after its end"))
        }
        var actions: [ServerAction] = []
        if !frame.flags.contains(.noData) { actions.append(.message(stream: frame.stream, frame.payload)) }
        if frame.flags.contains(.remoteClosed) {
            streams.endInput(frame.stream)
            actions.append(.inputEnded(stream: frame.stream))
        }
        return actions
    }

    /// Tells the peer on the stream that it named, even when that is none of a client's, so that it learns which was wrong.
    private mutating func refuse(_ stream: UInt32, _ status: Status) -> [ServerAction] {
        let answer = ServerAction.send(self.response(stream, ResponseEnvelope(status: status)))
        return forget(stream) ? [.cancelled(stream: stream), answer] : [answer]
    }

    /// Ends the call with its response. Nil: it is over already (cancelled, or answered).
    package mutating func respond(_ stream: UInt32, _ response: ResponseEnvelope) -> Frame? {
        forget(stream) ? self.response(stream, response) : nil
    }

    /// One message of a streaming answer. Nil: the call is over or unary. Throws when the message is too large.
    package func send(_ stream: UInt32, _ message: [UInt8]) throws(Status) -> Frame? {
        guard let found = streams[stream], found.shape != .unary else { return nil }
        guard message.count <= Frame.mostPayload else { throw Self.tooLarge(message.count) }
        return Frame(stream: stream, kind: .data, payload: message)
    }

    /// Ends a streaming answer. Nil: the call is over already.
    package mutating func finish(_ stream: UInt32) -> Frame? { forget(stream) ? .end(of: stream) : nil }

    private mutating func forget(_ stream: UInt32) -> Bool {
        guard let found = streams.remove(stream) else { return false }
        requestBytes -= found.requestBytes
        return true
    }

    private func response(_ stream: UInt32, _ response: ResponseEnvelope) -> Frame {
        let payload = codec.encode(response)
        guard payload.count > Frame.mostPayload else { return Frame(stream: stream, kind: .response, payload: payload) }
        return Frame(stream: stream, kind: .response, payload: codec.encode(ResponseEnvelope(status: Self.tooLarge(payload.count))))
    }

    private static func tooLarge(_ count: Int) -> Status {
        Status(.resourceExhausted, "answer of \(count) bytes: more than \(Frame.mostPayload)")
    }
}
