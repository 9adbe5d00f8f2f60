import Testing

@testable import SPDY

@Suite("streams of a SPDY connection") struct ServerStreamsTests {
    private func new(_ stream: UInt32, isLast: Bool = false, isUnidirectional: Bool = false) -> FrameEvent {
        .frame(.synStream(.init(stream: stream, headers: ["n": "\(stream)"], isLast: isLast, isUnidirectional: isUnidirectional)))
    }

    private func streams(_ opened: UInt32...) throws -> ServerStreams {
        var streams = ServerStreams(limit: 3)
        for stream in opened {
            #expect(try streams.receive(new(stream)) == [.opened(stream: stream, ["n": "\(stream)"])])
            #expect(streams.accept(stream) == .synReply(stream: stream, [:], isLast: false))
        }
        return streams
    }

    @Test("a stream lives until both of its directions have ended") func halves() throws {
        var streams = try streams(1, 3)
        #expect(try streams.receive(.data(stream: 1, [7], isLast: true)) == [.data(stream: 1, [7]), .ended(stream: 1)])
        #expect(streams.canSend(1) && streams.count == 2)
        streams.end(1)
        #expect(!streams.canSend(1) && streams.count == 1)
        streams.end(3)
        #expect(!streams.canSend(3) && streams.count == 1)
        #expect(try streams.receive(.data(stream: 3, [], isLast: true)) == [.ended(stream: 3)])
        #expect(streams.count == 0)
        // What was under way when a stream ended is no error.
        #expect(try streams.receive(.data(stream: 3, [1], isLast: false)) == [])
    }

    @Test("an end with the first frame, with headers, and a stream of one direction") func otherEnds() throws {
        var streams = try streams()
        #expect(try streams.receive(new(1, isLast: true)) == [.opened(stream: 1, ["n": "1"]), .ended(stream: 1)])
        #expect(streams.accept(1) != nil && streams.canSend(1))
        #expect(try streams.receive(new(3, isUnidirectional: true)) == [.opened(stream: 3, ["n": "3"])])
        #expect(streams.accept(3) == nil && !streams.canSend(3))
        #expect(try streams.receive(.frame(.headers(stream: 3, [:], isLast: true))) == [.ended(stream: 3)])
        #expect(streams.count == 1)
        #expect(try streams.receive(.frame(.headers(stream: 1, [:], isLast: true))) == [])
    }

    @Test("data behind the end, or of a stream that never was, are told") func strayData() throws {
        var streams = try streams(1)
        _ = try streams.receive(.data(stream: 1, [], isLast: true))
        #expect(
            try streams.receive(.data(stream: 1, [1], isLast: false)) == [
                .reset(stream: 1), .send(.reset(stream: 1, .streamAlreadyClosed)),
            ])
        for stream in [2, 5] as [UInt32] {
            #expect(try streams.receive(.data(stream: stream, [1], isLast: false)) == [.send(.reset(stream: stream, .invalidStream))])
        }
        #expect(try streams.receive(.frame(.synReply(stream: 9, [:], isLast: false))) == [.send(.reset(stream: 9, .invalidStream))])
    }

    @Test("a client's reset ends both directions, once") func resets() throws {
        var streams = try streams(1)
        #expect(try streams.receive(.frame(.reset(stream: 1, .cancel))) == [.reset(stream: 1)])
        #expect(!streams.canSend(1) && streams.count == 0)
        #expect(try streams.receive(.frame(.reset(stream: 1, .cancel))) == [])
    }

    @Test("more streams than the limit are refused, until one has ended") func limit() throws {
        var streams = try streams(1, 3, 5)
        #expect(try streams.receive(new(7)) == [.send(.reset(stream: 7, .refusedStream))])
        #expect(streams.refuse(5) == .reset(stream: 5, .refusedStream))
        #expect(try streams.receive(new(9)) == [.opened(stream: 9, ["n": "9"])])
    }

    @Test("numbers of streams are odd and rise") func order() throws {
        var streams = try streams(5)
        #expect(try streams.receive(new(5)) == [.send(.reset(stream: 5, .streamInUse))])
        #expect(streams.canSend(5))
        #expect(throws: SPDYError.streamOrder(stream: 3, after: 5)) { try streams.receive(new(3)) }
        #expect(throws: SPDYError.streamOrder(stream: 8, after: 5)) { try streams.receive(new(8)) }
    }

    @Test("a stream whose headers were refused is reset, and has had its number") func refusedHeaders() throws {
        var streams = try streams(1)
        #expect(try streams.receive(.refused(stream: 3)) == [.reset(stream: 3), .send(.reset(stream: 3, .protocolError))])
        #expect(throws: SPDYError.self) { _ = try streams.receive(new(1 + 1)) }
        #expect(streams.last == 3 && streams.canSend(1))
    }

    @Test("pings of the client are answered; settings and windows change nothing") func others() throws {
        var streams = try streams(1)
        #expect(try streams.receive(.frame(.ping(7))) == [.send(.ping(7))])
        #expect(try streams.receive(.frame(.ping(8))) == [])
        #expect(try streams.receive(.frame(.settings([.init(id: 7, value: 0)]))) == [])
        #expect(try streams.receive(.frame(.windowUpdate(stream: 1, delta: 1))) == [])
        #expect(streams.canSend(1))
    }

    @Test("a client that leaves opens nothing more, and what it had goes on") func leaving() throws {
        var streams = try streams(1)
        #expect(try streams.receive(.frame(.goAway(lastStream: 0, .ok))) == [])
        #expect(try streams.receive(new(3)) == [])
        #expect(try streams.receive(.data(stream: 1, [1], isLast: false)) == [.data(stream: 1, [1])])
    }
}
