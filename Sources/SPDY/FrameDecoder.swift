/// What came out of the byte stream.
package enum FrameEvent: Equatable, Sendable {
    case frame(Frame)
    /// A part of a data frame, as it arrives. `isLast`: the sender's last of this stream.
    case data(stream: UInt32, [UInt8], isLast: Bool)
    /// Headers that cannot be taken; the other streams go on.
    case refused(stream: UInt32)
}

/// Cuts frames out of a byte stream that arrives in pieces of any size.
///
/// It holds at most one control frame beside what was appended last, and of data nothing: that is handed on as it comes. After an error
/// it is of no more use.
package struct FrameDecoder: ~Copyable {
    private enum Inside: Equatable { case nothing, data(stream: UInt32, left: Int, isLast: Bool), skipped(left: Int) }

    private let inflater = HeaderInflater()
    private var buffer: [UInt8] = []
    private var start = 0
    private var inside = Inside.nothing

    package init() {}

    /// Bytes held that make nothing yet.
    package var held: Int { buffer.count - start }

    /// Takes more bytes. The caller then asks `next` until it says nil, before it appends again.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next event; nil: more bytes are needed.
    package mutating func next() throws(SPDYError) -> FrameEvent? {
        while true {
            switch inside {
            case .data(let stream, let left, let isLast): return data(stream, left, isLast)
            case .skipped(let left):
                let here = min(left, held)
                skip(here)
                inside = here == left ? .nothing : .skipped(left: left - here)
                if here < left { return nil }
            case .nothing:
                guard held >= Frame.headSize else { return nil }
                let (first, second) = (buffer.number(at: start), buffer.number(at: start + 4))
                let (flags, length) = (UInt8(second >> 24), Int(second & 0xff_ffff))
                if first & 0x8000_0000 == 0 {
                    guard first != 0 else { throw .streamZero(kind: 0) }
                    skip(Frame.headSize)
                    inside = .data(stream: first, left: length, isLast: flags & Frame.last != 0)
                    // One without data says something only if it is the last.
                    if length == 0 { return data(first, 0, flags & Frame.last != 0) }
                    continue
                }
                let version = UInt16(first >> 16 & 0x7fff)
                guard version == Frame.version else { throw .version(version) }
                let kind = UInt16(truncatingIfNeeded: first)
                guard let known = Frame.Kind(rawValue: kind) else {
                    // 2.2.1: a kind that is not known is ignored.
                    skip(Frame.headSize)
                    inside = .skipped(left: length)
                    continue
                }
                guard length <= Frame.mostControl else { throw .tooLong(kind: kind, length: length) }
                guard held >= Frame.headSize + length else { return nil }
                let body = start + Frame.headSize
                let event = try control(known, flags, Array(buffer[body..<body + length]))
                skip(Frame.headSize + length)
                return event
            }
        }
    }

    private mutating func data(_ stream: UInt32, _ left: Int, _ isLast: Bool) -> FrameEvent? {
        let here = min(left, held)
        guard here > 0 || left == 0 else { return nil }
        let bytes = Array(buffer[start..<start + here])
        skip(here)
        inside = here == left ? .nothing : .data(stream: stream, left: left - here, isLast: isLast)
        return .data(stream: stream, bytes, isLast: isLast && here == left)
    }

    private mutating func control(_ kind: Frame.Kind, _ flags: UInt8, _ body: [UInt8]) throws(SPDYError) -> FrameEvent {
        func check(_ isRight: Bool) throws(SPDYError) {
            guard isRight else { throw .wrongLength(kind: kind.rawValue, length: body.count) }
        }
        func stream(at place: Int = 0) throws(SPDYError) -> UInt32 {
            let stream = body.number(at: place) & 0x7fff_ffff
            guard stream != 0 else { throw .streamZero(kind: kind.rawValue) }
            return stream
        }
        let isLast = flags & Frame.last != 0
        switch kind {
        case .synStream:
            try check(body.count >= 10)
            let stream = try stream()
            guard let headers = Headers(block: try inflater.inflate(body[10...])) else { return .refused(stream: stream) }
            return .frame(
                .synStream(
                    .init(
                        stream: stream, associated: body.number(at: 4) & 0x7fff_ffff, priority: body[8] >> 5, headers: headers,
                        isLast: isLast,
                        isUnidirectional: flags & Frame.unidirectional != 0)))
        case .synReply, .headers:
            try check(body.count >= 4)
            let stream = try stream()
            guard let headers = Headers(block: try inflater.inflate(body[4...])) else { return .refused(stream: stream) }
            return .frame(
                kind == .headers
                    ? .headers(stream: stream, headers, isLast: isLast) : .synReply(stream: stream, headers, isLast: isLast))
        case .reset:
            try check(body.count == 8)
            return .frame(.reset(stream: try stream(), .init(rawValue: body.number(at: 4))))
        case .settings:
            try check(body.count >= 4 && (body.count - 4) % 8 == 0 && Int(body.number(at: 0)) == (body.count - 4) / 8)
            let settings = stride(from: 4, to: body.count, by: 8).map { place in
                Frame.Setting(flags: body[place], id: body.number(at: place) & 0xff_ffff, value: body.number(at: place + 4))
            }
            return .frame(.settings(settings))
        case .ping:
            try check(body.count == 4)
            return .frame(.ping(body.number(at: 0)))
        case .goAway:
            try check(body.count == 8)
            return .frame(.goAway(lastStream: body.number(at: 0) & 0x7fff_ffff, .init(rawValue: body.number(at: 4))))
        case .windowUpdate:
            try check(body.count == 8)
            // Stream 0: the connection's own window (3.1).
            return .frame(.windowUpdate(stream: body.number(at: 0) & 0x7fff_ffff, delta: body.number(at: 4) & 0x7fff_ffff))
        }
    }

    private mutating func skip(_ count: Int) {
        start += count
        // Emptied: give the memory of much data back, keep that of little.
        guard start == buffer.count else { return }
        if buffer.capacity > 131_072 { buffer = [] } else { buffer.removeAll(keepingCapacity: true) }
        start = 0
    }
}
