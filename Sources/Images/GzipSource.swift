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
                guard !inMember, members > 0 else { throw damaged("the compressed stream ends too early") }
                return []
            }
            if !inMember { try startMember() }
            let output = try inflate()
            if !output.isEmpty { return output }
        }
    }

    private func startMember() throws(ImageError) {
        // A second member must look like one; ISA-L itself checks the rest of the header.
        guard input[used] == 0x1f else { throw damaged(members == 0 ? "not a gzip stream" : "something follows the compressed stream") }
        unsafe isal_inflate_reset(state)
        unsafe state.pointee.crc_flag = UInt32(ISAL_GZIP)
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
        guard result == ISAL_DECOMP_OK else { throw damaged(Self.reason(result, first: members == 0)) }
        if unsafe state.pointee.block_state == ISAL_BLOCK_FINISH {
            inMember = false
            outputWasFull = false
            members += 1
        }
        return output
    }

    private static func reason(_ code: Int32, first: Bool) -> String {
        switch code {
        case ISAL_INVALID_WRAPPER: first ? "not a gzip stream" : "something follows the compressed stream"
        case ISAL_UNSUPPORTED_METHOD: "a gzip member with an unknown method"
        case ISAL_INCORRECT_CHECKSUM: "the gzip checksum does not match"
        default: "the gzip stream is damaged"
        }
    }

    private func damaged(_ reason: String) -> ImageError { .archive(subject: subject, reason: reason) }
}
