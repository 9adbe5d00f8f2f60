import TTRPC
import TaskAPI
import Testing

private let call = RequestEnvelope(service: "s", method: "m", payload: [1, 2])

private func request(_ stream: UInt32, _ flags: Frame.Flags = []) -> FrameEvent {
    .frame(Frame(stream: stream, kind: .request, flags: flags, payload: ProtobufCEnvelope.encode(call)))
}

/// The status in the one response frame among the actions.
private func refusal(_ actions: [ServerAction], on stream: UInt32) -> StatusCode? {
    for case .send(let frame) in actions where frame.kind == .response && frame.stream == stream {
        return ProtobufCEnvelope.decodeResponse(frame.payload)?.status.code
    }
    return nil
}

@Suite("the server's streams") struct ServerStreamTests {
    @Test("a unary call is answered once")
    func unary() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        #expect(server.receive(request(1)) == [.call(stream: 1, call, .unary)])
        let frame = server.respond(1, ResponseEnvelope(payload: [3]))
        #expect(frame == Frame(stream: 1, kind: .response, payload: ProtobufCEnvelope.encode(ResponseEnvelope(payload: [3]))))
        #expect(server.respond(1, ResponseEnvelope()) == nil)
        #expect(server.isIdle)
    }

    @Test(
        "the flags of a request say how messages go",
        arguments: [([], .unary), (.remoteClosed, .serverStream), (.remoteOpen, .clientOpen)] as [(Frame.Flags, CallShape)])
    func shapes(_ flags: Frame.Flags, _ shape: CallShape) {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        #expect(server.receive(request(1, flags)) == [.call(stream: 1, call, shape)])
    }

    @Test("even, used and falling stream ids are refused on the id that was sent")
    func ids() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        #expect(refusal(server.receive(request(2)), on: 2) == .invalidArgument)
        _ = server.receive(request(5))
        _ = server.respond(5, ResponseEnvelope())
        #expect(refusal(server.receive(request(5)), on: 5) == .invalidArgument)
        #expect(refusal(server.receive(request(3)), on: 3) == .invalidArgument)
        #expect(server.receive(request(7)).count == 1)
    }

    @Test("garbage in a request frame is refused, and the connection goes on")
    func garbage() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        let bad = FrameEvent.frame(Frame(stream: 1, kind: .request, payload: [0xff, 0xff, 0xff]))
        #expect(refusal(server.receive(bad), on: 1) == .invalidArgument)
        #expect(server.receive(request(3)) == [.call(stream: 3, call, .unary)])
    }

    @Test("a response or an unknown flag from a client is refused")
    func wrongKind() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        #expect(refusal(server.receive(.frame(Frame(stream: 1, kind: .response, payload: []))), on: 1) == .invalidArgument)
        #expect(refusal(server.receive(request(3, [.remoteClosed, .remoteOpen])), on: 3) == .invalidArgument)
        #expect(refusal(server.receive(.frame(Frame(stream: 5, kind: .data, payload: [1]))), on: 5) == .invalidArgument)
    }

    @Test("an open stream takes messages until it is closed; one after that ends the call")
    func clientOpen() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteOpen))
        let message = Frame(stream: 1, kind: .data, payload: [9])
        #expect(server.receive(.frame(message)) == [.message(stream: 1, [9])])
        #expect(server.receive(.frame(Frame(stream: 1, kind: .data, payload: []))) == [.message(stream: 1, [])], "an empty message is one")
        let end = Frame(stream: 1, kind: .data, flags: [.remoteClosed, .noData], payload: [])
        #expect(server.receive(.frame(end)) == [.inputEnded(stream: 1)])
        let actions = server.receive(.frame(message))
        #expect(actions.first == .cancelled(stream: 1))
        #expect(refusal(actions, on: 1) == .invalidArgument)
        #expect(server.isIdle)
    }

    @Test("the last message may carry the end")
    func lastMessage() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteOpen))
        let last = Frame(stream: 1, kind: .data, flags: .remoteClosed, payload: [9])
        #expect(server.receive(.frame(last)) == [.message(stream: 1, [9]), .inputEnded(stream: 1)])
    }

    @Test("data that crosses the answer on the wire is dropped")
    func late() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteOpen))
        _ = server.respond(1, ResponseEnvelope())
        #expect(server.receive(.frame(Frame(stream: 1, kind: .data, payload: [9]))) == [])
    }

    @Test("a streaming answer is messages and an end; a unary call has none")
    func serverStream() throws {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteClosed))
        #expect(try server.send(1, [4]) == Frame(stream: 1, kind: .data, payload: [4]))
        #expect(server.finish(1) == Frame(stream: 1, kind: .data, flags: [.remoteClosed, .noData], payload: []))
        #expect(server.finish(1) == nil)
        #expect(try server.send(1, [4]) == nil)
        _ = server.receive(request(3))
        #expect(try server.send(3, [4]) == nil)
    }

    @Test("what is too large becomes an error that says so, on the same stream")
    func tooLarge() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteClosed))
        let large = [UInt8](repeating: 0, count: Frame.mostPayload + 1)
        #expect(throws: Status.self) { try server.send(1, large) }
        let frame = server.respond(1, ResponseEnvelope(payload: large))
        #expect(frame.flatMap { ProtobufCEnvelope.decodeResponse($0.payload) }?.status.code == .resourceExhausted)
    }

    @Test("an oversized frame ends the open call on its stream and uses its id up")
    func oversized() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self)
        _ = server.receive(request(1, .remoteOpen))
        let tooMuch = Status(.resourceExhausted, "too much")
        #expect(server.receive(.refused(stream: 1, kind: 3, tooMuch)).first == .cancelled(stream: 1))
        #expect(refusal(server.receive(.refused(stream: 9, kind: 1, tooMuch)), on: 9) == .resourceExhausted)
        #expect(refusal(server.receive(request(9)), on: 9) == .invalidArgument)
    }

    @Test("calls and bytes beyond the limits are refused until others are answered")
    func limits() {
        var server = ServerStreams(codec: ProtobufCEnvelope.self, limits: StreamLimits(calls: 1, requestBytes: 1000))
        _ = server.receive(request(1))
        #expect(refusal(server.receive(request(3)), on: 3) == .resourceExhausted)
        _ = server.respond(1, ResponseEnvelope())
        #expect(server.receive(request(5)).count == 1)
        _ = server.respond(5, ResponseEnvelope())
        let large = RequestEnvelope(service: "s", method: "m", payload: [UInt8](repeating: 1, count: 1000))
        let frame = Frame(stream: 7, kind: .request, payload: ProtobufCEnvelope.encode(large))
        #expect(refusal(server.receive(.frame(frame)), on: 7) == .resourceExhausted)
    }
}

@Suite("the client's streams") struct ClientStreamTests {
    private func response(_ stream: UInt32, _ envelope: ResponseEnvelope) -> FrameEvent {
        .frame(Frame(stream: stream, kind: .response, payload: ProtobufCEnvelope.encode(envelope)))
    }

    @Test("streams are odd and rise, and answers may come in any order")
    func order() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        #expect(try client.open(call).stream == 1)
        #expect(try client.open(call, .serverStream).flags == .remoteClosed)
        #expect(
            try client.open(call, .clientOpen)
                == Frame(stream: 5, kind: .request, flags: .remoteOpen, payload: ProtobufCEnvelope.encode(call)))
        #expect(client.receive(response(5, ResponseEnvelope(payload: [5]))) == [.response(stream: 5, ResponseEnvelope(payload: [5]))])
        #expect(client.receive(response(1, ResponseEnvelope())) == [.response(stream: 1, ResponseEnvelope())])
        #expect(client.active == [3])
    }

    @Test("an error status arrives with its code and message")
    func status() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        _ = try client.open(call)
        let answer = ResponseEnvelope(status: Status(.notFound, "no such task"))
        #expect(client.receive(response(1, answer)) == [.response(stream: 1, answer)])
    }

    @Test("a streaming answer gives its messages and its end, whether apart or together")
    func stream() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        _ = try client.open(call, .serverStream)
        _ = try client.open(call, .serverStream)
        #expect(client.receive(.frame(Frame(stream: 1, kind: .data, payload: []))) == [.message(stream: 1, [])])
        #expect(client.receive(.frame(Frame(stream: 1, kind: .data, flags: [.remoteClosed, .noData], payload: []))) == [.ended(stream: 1)])
        let last = Frame(stream: 3, kind: .data, flags: .remoteClosed, payload: [1])
        #expect(client.receive(.frame(last)) == [.message(stream: 3, [1]), .ended(stream: 3)])
    }

    @Test("a late answer to an abandoned call is dropped; one to a call never made breaks the connection")
    func strange() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        _ = try client.open(call)
        client.abandon(1)
        #expect(client.receive(response(1, ResponseEnvelope())) == [])
        guard case .broken = client.receive(response(3, ResponseEnvelope())).first else { return #expect(Bool(false)) }
        guard case .broken = client.receive(response(2, ResponseEnvelope())).first else { return #expect(Bool(false)) }
        guard case .broken = client.receive(request(1)).first else { return #expect(Bool(false)) }
    }

    @Test("garbage, stream data for a unary call and an oversized answer each fail just that call")
    func failures() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        for _ in 0..<3 { _ = try client.open(call) }
        let events: [FrameEvent] = [
            .frame(Frame(stream: 1, kind: .response, payload: [0xff])), .frame(Frame(stream: 3, kind: .data, payload: [1])),
            .refused(stream: 5, kind: 2, Status(.resourceExhausted, "too large")),
        ]
        for (index, code) in [StatusCode.internal, .internal, .resourceExhausted].enumerated() {
            guard case .response(let stream, let answer) = client.receive(events[index]).first else { return #expect(Bool(false)) }
            #expect(stream == UInt32(index * 2 + 1))
            #expect(answer.status.code == code)
        }
        #expect(client.active.isEmpty)
    }

    @Test("messages may be sent until the end was sent")
    func output() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        _ = try client.open(call, .clientOpen)
        #expect(try client.send(1, [1]) == Frame(stream: 1, kind: .data, payload: [1]))
        #expect(client.endOutput(1) == Frame(stream: 1, kind: .data, flags: [.remoteClosed, .noData], payload: []))
        #expect(client.endOutput(1) == nil)
        #expect(try client.send(1, [1]) == nil)
    }

    @Test("a request that is too large is refused before anything is sent")
    func tooLarge() throws {
        var client = ClientStreams(codec: ProtobufCEnvelope.self)
        let large = RequestEnvelope(service: "s", method: "m", payload: [UInt8](repeating: 0, count: Frame.mostPayload))
        #expect(throws: Status.self) { try client.open(large) }
        #expect(try client.open(call).stream == 1)
    }
}
