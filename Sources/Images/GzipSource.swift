internal import CISAL

/// Uncompresses gzip (RFC 1952): one or more members, nothing after them.
@safe final class GzipSource<Upstream: ByteSource>: ByteSource {
    private var upstream: Upstream
    private let subject: String
    private let state: UnsafeMutablePointer<inflate_state>
    /// Not yet consumed of the last piece.
    private var input: [UInt8] = []
    private var used = 0
    /// The decoder may hold more than fitted: it is asked again before it gets more input.
    private var outputWasFull = false
    private var inMember = false
    private var header = GzipHeader()
    private var members = 0

    init(_ upstream: Upstream, subject: String) {
        self.upstream = upstream
        self.subject = subject
        unsafe state = .allocate(capacity: 1)
        unsafe isal_inflate_init(state)
    }

    deinit { unsafe state.deallocate() }

    func next() throws(ImageError) -> [UInt8] {
        while true {
            if used == input.count, !outputWasFull {
                input = try upstream.next()
                used = 0
            }
            if used == input.count, !outputWasFull {
                guard !inMember, header.isEmpty, members > 0 else { throw damaged("the compressed stream ends too early") }
                return []
            }
            if !inMember { try readHeader() }
            guard inMember else { continue }
            let output = try inflate()
            if !output.isEmpty { return output }
        }
    }

    /// Reads the member's header as far as it is there. ISA-L's own reader forgets where it was when a header is cut in two.
    private func readHeader() throws(ImageError) {
        while used < input.count, !header.isComplete {
            guard header.take(input[used]) else {
                throw damaged(members == 0 ? "not a gzip stream" : "something follows the compressed stream")
            }
            used += 1
        }
        guard header.isComplete else { return }
        unsafe isal_inflate_reset(state)
        unsafe state.pointee.crc_flag = UInt32(ISAL_GZIP_NO_HDR_VER)
        header = GzipHeader()
        inMember = true
    }

    private func inflate() throws(ImageError) -> [UInt8] {
        var result: Int32 = 0
        let output = unsafe [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, filled in
            unsafe input.withUnsafeBufferPointer { bytes in
                unsafe state.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress! + used)
                unsafe state.pointee.avail_in = UInt32(bytes.count - used)
                unsafe state.pointee.next_out = buffer.baseAddress!
                unsafe state.pointee.avail_out = UInt32(pieceSize)
                result = unsafe isal_inflate(state)
                used = unsafe bytes.count - Int(state.pointee.avail_in)
                filled = unsafe pieceSize - Int(state.pointee.avail_out)
            }
        }
        outputWasFull = output.count == pieceSize
        guard result == ISAL_DECOMP_OK else {
            throw damaged(result == ISAL_INCORRECT_CHECKSUM ? "the gzip checksum does not match" : "the gzip stream is damaged")
        }
        if unsafe state.pointee.block_state == ISAL_BLOCK_FINISH {
            inMember = false
            outputWasFull = false
            members += 1
        }
        return output
    }

    private func damaged(_ reason: String) -> ImageError { .archive(subject: subject, reason: reason) }
}

/// The header of one gzip member, byte by byte (RFC 1952, 2.3): magic 2, method 1, flags 1, time 4, two more,
/// then by flag: extra field with its length, name and comment that end in a zero byte, checksum 2.
struct GzipHeader {
    private enum Part {
        case fixed, extraLength, extra, name, comment, checksum, complete
    }
    private var part = Part.fixed
    private var flags: UInt8 = 0
    /// Of the current part.
    private var count = 0
    private var extraLength = 0

    var isComplete: Bool { part == .complete }
    var isEmpty: Bool { part == .fixed && count == 0 }

    /// False when no gzip header has this byte here.
    mutating func take(_ byte: UInt8) -> Bool {
        count += 1
        switch part {
        case .fixed:
            switch count {
            case 1: return byte == 0x1f
            case 2: return byte == 0x8b
            case 3: return byte == 8
            case 4:
                flags = byte
                return byte & 0xe0 == 0
            case 10: advance(to: .extraLength)
            default: break
            }
        case .extraLength:
            extraLength |= Int(byte) << (8 * (count - 1))
            if count == 2 { advance(to: .extra) }
        case .extra: if count == extraLength { advance(to: .name) }
        case .name: if byte == 0 { advance(to: .comment) }
        case .comment: if byte == 0 { advance(to: .checksum) }
        case .checksum: if count == 2 { advance(to: .complete) }
        case .complete: return false
        }
        return true
    }

    /// To the first part from `next` on that this member has.
    private mutating func advance(to next: Part) {
        count = 0
        part = next
        switch next {
        case .extraLength where flags & 4 == 0: advance(to: .name)
        case .extra where extraLength == 0: advance(to: .name)
        case .name where flags & 8 == 0: advance(to: .comment)
        case .comment where flags & 16 == 0: advance(to: .checksum)
        case .checksum where flags & 2 == 0: advance(to: .complete)
        default: break
        }
    }
}
