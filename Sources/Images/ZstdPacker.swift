internal import CZstd

/// Packs a stream as one Zstandard frame (RFC 8878) with a checksum.
@safe final class ZstdPacker {
    private let context: OpaquePointer

    init() throws(ImageError) {
        guard let context = unsafe ZSTD_createCCtx() else { throw .limit(subject: "a layer", what: "no memory for zstd") }
        unsafe self.context = unsafe context
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3)
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    func pack(_ bytes: [UInt8], isLast: Bool, to lane: HashLane) throws(ImageError) {
        var used = 0
        while true {
            var left = 0
            let output = unsafe [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, filled in
                unsafe bytes.withUnsafeBufferPointer { bytes in
                    var from = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: used)
                    var to = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: pieceSize, pos: 0)
                    left = unsafe ZSTD_compressStream2(context, &to, &from, isLast ? ZSTD_e_end : ZSTD_e_continue)
                    used = unsafe from.pos
                    filled = unsafe to.pos
                }
            }
            guard ZSTD_isError(left) == 0 else {
                throw .limit(subject: "a layer", what: unsafe "zstd: \(String(cString: ZSTD_getErrorName(left)).lowercased())")
            }
            if !output.isEmpty { lane.add(output) }
            if isLast ? left == 0 : used == bytes.count { return }
        }
    }
}
