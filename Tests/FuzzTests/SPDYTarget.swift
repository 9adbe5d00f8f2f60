import SPDY

/// The first byte says how the stream is cut into pieces; the rest is the stream.
func fuzzSPDY(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let stream = bytes.dropFirst()
    let (whole, cut) = (try spdyEvents(of: stream, piece: max(1, stream.count)), try spdyEvents(of: stream, piece: Int(first) % 64 + 1))
    try require(whole.events == cut.events && whole.error == cut.error, "frames depend on how the stream is cut")
    var streams = ServerStreams(limit: 8)
    var encoder = FrameEncoder()
    var decoder = FrameDecoder()
    for event in whole.events {
        if case .frame(let frame) = event {
            decoder.append(encoder.encode(frame))
            // Headers may be longer than they were: others compress better.
            guard let again = try? decoder.next() else { return }
            try require(again == event, "a frame is not what it was encoded to")
        }
        guard let actions = try? streams.receive(event) else { return }
        for case .opened(let stream, _) in actions {
            _ = stream % 3 == 0 ? streams.refuse(stream) : streams.accept(stream)
            if stream % 5 == 0 { streams.end(stream) }
        }
        try require(streams.count <= 8, "more streams than the limit")
    }
}

/// Data count as one, however they came.
private func spdyEvents(of stream: ArraySlice<UInt8>, piece: Int) throws -> (events: [FrameEvent], error: SPDYError?) {
    var decoder = FrameDecoder()
    var (found, rest): ([FrameEvent], ArraySlice<UInt8>) = ([], stream)
    do throws(SPDYError) {
        while !rest.isEmpty {
            decoder.append(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            while let event = try decoder.next() {
                if case .data(let stream, let more, let isLast) = event, case .data(stream, let bytes, false)? = found.last, !bytes.isEmpty
                {
                    found[found.count - 1] = .data(stream: stream, bytes + more, isLast: isLast)
                } else {
                    found.append(event)
                }
            }
        }
    } catch {
        return (found, error)
    }
    return (found, nil)
}

extension Seed {
    static var spdy: [UInt8] {
        var encoder = FrameEncoder()
        let frames: [Frame] = [
            .settings([.init(id: 4, value: 100)]), .synStream(.init(stream: 1, headers: ["streamtype": "error"])),
            .synStream(.init(stream: 3, headers: ["streamtype": "data", "port": "80", "requestid": "0"], isLast: true)), .ping(1),
            .headers(stream: 1, ["a": "b"], isLast: false), .windowUpdate(stream: 1, delta: 5), .reset(stream: 3, .cancel),
            .goAway(lastStream: 0, .ok),
        ]
        return frames.flatMap { encoder.encode($0) + FrameEncoder.dataHead(stream: 1, count: 3, isLast: false) + [1, 2, 3] }
    }
}
