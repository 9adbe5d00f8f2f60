internal import CZstd

/// Uncompresses Zstandard (RFC 8878): one or more frames, nothing after them.
@safe final class ZstdSource<Upstream: ByteSource>: ByteSource {
    /// A frame that wants more memory than this for its window is refused (2^27 bytes, what the `zstd` program takes too).
    private static var windowLimit: Int32 { 27 }

    private var upstream: Upstream
    private let subject: String
    private let context: OpaquePointer
    private var input: [UInt8] = []
    private var used = 0
    /// The decoder may hold more than fitted: it is asked again before it gets more input.
    private var outputWasFull = false
    private var betweenFrames = true
    private var frames = 0

    init(_ upstream: Upstream, subject: String) throws(ImageError) {
        self.upstream = upstream
        self.subject = subject
        guard let context = unsafe ZSTD_createDCtx() else { throw .limit(subject: subject, what: "no memory for zstd") }
        unsafe self.context = unsafe context
        _ = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLimit)
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    func next() throws(ImageError) -> [UInt8] {
        while true {
            if used == input.count, !outputWasFull {
                input = try upstream.next()
                used = 0
            }
            if used == input.count, !outputWasFull {
                guard betweenFrames, frames > 0 else { throw .archive(subject: subject, reason: "the compressed stream ends too early") }
                return []
            }
            let output = try uncompress()
            if !output.isEmpty { return output }
        }
    }

    private func uncompress() throws(ImageError) -> [UInt8] {
        var result = 0
        let output = unsafe [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, filled in
            unsafe input.withUnsafeBufferPointer { bytes in
                var from = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: used)
                var to = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: pieceSize, pos: 0)
                result = unsafe ZSTD_decompressStream(context, &to, &from)
                used = unsafe from.pos
                filled = unsafe to.pos
            }
        }
        outputWasFull = output.count == pieceSize && result != 0
        guard ZSTD_isError(result) == 0 else {
            throw .archive(subject: subject, reason: unsafe "zstd: \(String(cString: ZSTD_getErrorName(result)).lowercased())")
        }
        betweenFrames = result == 0
        if betweenFrames { frames += 1 }
        return output
    }
}
