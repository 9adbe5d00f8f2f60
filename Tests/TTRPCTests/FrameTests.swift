import TTRPC
import Testing

/// A request frame on stream 1 with flags 0 and payload "abc", byte by byte.
private let small: [UInt8] = [0, 0, 0, 3, 0, 0, 0, 1, 1, 0, 0x61, 0x62, 0x63]

private func events(_ pieces: [[UInt8]], limit: Int = Frame.mostPayload) -> (events: [FrameEvent], decoder: FrameDecoder) {
    var decoder = FrameDecoder(mostPayload: limit)
    var events: [FrameEvent] = []
    for piece in pieces {
        decoder.append(piece)
        while let event = decoder.next() { events.append(event) }
    }
    return (events, decoder)
}

@Suite("ttrpc frames") struct FrameTests {
    @Test("a frame is a header of ten big-endian bytes and its payload")
    func encodes() {
        #expect(Frame(stream: 1, kind: .request, payload: Array("abc".utf8)).encoded == small)
        let large = Frame(stream: 0x0102_0305, kind: .data, flags: [.remoteClosed, .noData], payload: [])
        #expect(large.encoded == [0, 0, 0, 0, 1, 2, 3, 5, 3, 5])
        #expect(Frame(stream: 3, kind: .response, payload: [UInt8](repeating: 7, count: 0x1_0203)).encoded.prefix(4) == [0, 1, 2, 3])
    }

    @Test("three frames come out the same wherever the bytes are cut in two")
    func everySplit() {
        let frames = [
            Frame(stream: 1, kind: .request, flags: .remoteOpen, payload: Array("abc".utf8)),
            Frame(stream: 1, kind: .data, flags: [.noData, .remoteClosed], payload: []),
            Frame(stream: 0x7fff_ffff, kind: .response, payload: [0, 255]),
        ]
        let bytes = frames.flatMap(\.encoded)
        for cut in 0...bytes.count {
            let (found, decoder) = events([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(found == frames.map { .frame($0) }, "cut at \(cut)")
            #expect(!decoder.isInsideFrame)
        }
        #expect(events(bytes.map { [$0] }).events == frames.map { .frame($0) })
    }

    @Test("half a frame is no frame, and is known to be half", arguments: 1..<small.count)
    func half(_ count: Int) {
        let (found, decoder) = events([Array(small[..<count])])
        #expect(found.isEmpty)
        #expect(decoder.isInsideFrame)
        #expect(decoder.held == count)
    }

    @Test("a frame that is too large is refused on its stream at once, its payload is skipped, and the next frame is read")
    func oversize() {
        let header: [UInt8] = [0, 0x40, 0, 1, 0, 0, 0, 5, 1, 0]
        var decoder = FrameDecoder()
        decoder.append(header)
        guard case .refused(stream: 5, kind: 1, let status) = decoder.next() else { return #expect(Bool(false)) }
        #expect(status.code == .resourceExhausted)
        var left = 0x40_0001
        while left > 0 {
            let piece = min(left, 100_000)
            decoder.append([UInt8](repeating: 1, count: piece))
            #expect(decoder.next() == nil)
            #expect(decoder.held == 0, "nothing of it is kept")
            left -= piece
        }
        decoder.append(small)
        #expect(decoder.next() == .frame(Frame(stream: 1, kind: .request, payload: Array("abc".utf8))))
    }

    @Test("an oversized frame and the one after it survive every cut")
    func oversizeEverySplit() {
        let bytes: [UInt8] = [0, 0, 0, 5, 0, 0, 0, 9, 1, 0, 1, 2, 3, 4, 5] + small
        for cut in 0...bytes.count {
            let found = events([Array(bytes[..<cut]), Array(bytes[cut...])], limit: 4).events
            #expect(found.count == 2, "cut at \(cut)")
            #expect(found.last == .frame(Frame(stream: 1, kind: .request, payload: Array("abc".utf8))), "cut at \(cut)")
        }
    }

    @Test("a payload of exactly 4 MiB is taken, and its memory is given back")
    func largest() {
        let frame = Frame(stream: 1, kind: .request, payload: [UInt8](repeating: 9, count: Frame.mostPayload))
        let (found, decoder) = events([frame.encoded])
        #expect(found == [.frame(frame)])
        #expect(decoder.held == 0)
    }

    @Test("the length in a header reserves no memory")
    func claimed() {
        var decoder = FrameDecoder()
        decoder.append([0, 0x40, 0, 0, 0, 0, 0, 1, 1, 0, 1])
        #expect(decoder.next() == nil)
        #expect(decoder.held == 11)
    }

    @Test(
        "kinds and flags that do not exist are refused on their stream",
        arguments: [
            [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 7, 4, 0, 1], [0, 0, 0, 0, 0, 0, 0, 7, 255, 0],
            [0, 0, 0, 1, 0, 0, 0, 7, 1, 8, 1], [0, 0, 0, 1, 0, 0, 0, 7, 3, 4, 1],
        ] as [[UInt8]])
    func unknown(_ bytes: [UInt8]) {
        let found = events([bytes + small]).events
        guard case .refused(stream: 7, _, let status) = found.first else { return #expect(Bool(false), "\(found)") }
        #expect(status.code == .invalidArgument)
        #expect(found.count == 2)
    }
}
