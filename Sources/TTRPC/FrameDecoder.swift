/// What came out of the byte stream.
package enum FrameEvent: Equatable, Sendable {
    case frame(Frame)
    /// A frame that cannot be taken; its payload is skipped, and what follows is read as usual.
    case refused(stream: UInt32, kind: UInt8, Status)
}

/// Cuts frames out of a byte stream that arrives in pieces of any size.
///
/// It holds at most one frame beside what was appended last, and never more than the peer has really sent:
/// a length in a header reserves nothing.
package struct FrameDecoder: Sendable {
    private let limit: Int
    private var buffer: [UInt8] = []
    private var start = 0
    /// Bytes of a refused payload that are still to come.
    private var skipping = 0

    package init(mostPayload: Int = Frame.mostPayload) { limit = mostPayload }

    /// Bytes held that do not make a frame yet.
    package var held: Int { buffer.count - start }

    /// True in the middle of a frame: an end of the stream here means that something was cut.
    package var isInsideFrame: Bool { held > 0 || skipping > 0 }

    /// Takes more bytes. The caller then asks `next` until it says nil, before it appends again.
    package mutating func append(_ bytes: Span<UInt8>) {
        let dropped = min(skipping, bytes.count)
        skipping -= dropped
        guard dropped < bytes.count else { return }
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0[dropped...]) }
    }

    package mutating func append(_ bytes: [UInt8]) { append(bytes.span) }
    package mutating func append(_ bytes: ArraySlice<UInt8>) { append(bytes.span) }

    /// The next frame or refusal; nil: more bytes are needed.
    package mutating func next() -> FrameEvent? {
        guard held >= Frame.headerSize else { return nil }
        let length = Int(number(at: start))
        let stream = number(at: start + 4)
        let kind = buffer[start + 8]
        let flags = Frame.Flags(rawValue: buffer[start + 9])
        if let status = refusal(length: length, kind: kind, flags: flags) {
            skip(Frame.headerSize + length)
            return .refused(stream: stream, kind: kind, status)
        }
        guard held >= Frame.headerSize + length, let kind = Frame.Kind(rawValue: kind) else { return nil }
        let body = start + Frame.headerSize
        let frame = Frame(stream: stream, kind: kind, flags: flags, payload: Array(buffer[body..<body + length]))
        skip(Frame.headerSize + length)
        return .frame(frame)
    }

    private func refusal(length: Int, kind: UInt8, flags: Frame.Flags) -> Status? {
        if length > limit { return Status(.resourceExhausted, "frame of \(length) bytes: more than \(limit)") }
        if Frame.Kind(rawValue: kind) == nil { return Status(.invalidArgument, "frame of unknown kind \(kind)") }
        if !flags.isSubset(of: [.remoteClosed, .remoteOpen, .noData]) {
            return Status(.invalidArgument, "frame with unknown flags \(flags.rawValue)")
        }
        if flags.contains(.noData) && length > 0 { return Status(.invalidArgument, "frame of \(length) bytes that says it has no data") }
        return nil
    }

    private mutating func skip(_ count: Int) {
        let here = min(count, held)
        start += here
        skipping = count - here
        // Emptied: give the memory of a large frame back, keep that of small ones.
        guard start == buffer.count else { return }
        if buffer.capacity > 65_536 { buffer = [] } else { buffer.removeAll(keepingCapacity: true) }
        start = 0
    }

    private func number(at place: Int) -> UInt32 {
        buffer[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
