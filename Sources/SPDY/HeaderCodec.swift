internal import CZlib

/// Uncompresses the blocks of one connection, in their order: they share one stream of zlib (RFC 1950), which each block ends at a flush.
@safe final class HeaderInflater {
    /// What a block may be when it is not compressed any more.
    static let most = 64 << 10

    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib: no memory")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The block that these bytes are. After an error there is nothing more to be had.
    func inflate(_ bytes: ArraySlice<UInt8>) throws(SPDYError) -> [UInt8] {
        var (block, used): ([UInt8], Int) = ([], 0)
        while true {
            let piece = 4096
            var result: Int32 = 0
            let output = unsafe [UInt8](unsafeUninitializedCapacity: piece) { buffer, filled in
                unsafe bytes.withUnsafeBufferPointer { bytes in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.advanced(by: used))
                    unsafe stream.pointee.avail_in = UInt32(bytes.count - used)
                    unsafe stream.pointee.next_out = buffer.baseAddress!
                    unsafe stream.pointee.avail_out = UInt32(piece)
                    result = unsafe CZlib.inflate(stream, Z_SYNC_FLUSH)
                    used = unsafe bytes.count - Int(stream.pointee.avail_in)
                    filled = unsafe piece - Int(stream.pointee.avail_out)
                }
            }
            block += output
            guard block.count <= Self.most else { throw .blockTooLarge(limit: Self.most) }
            switch result {
            case Z_NEED_DICT: try setDictionary()
            // Z_BUF_ERROR: there was nothing to do, which is none.
            case Z_OK, Z_BUF_ERROR: if used == bytes.count, output.count < piece { return block }
            case Z_STREAM_END: throw .compression("the stream of zlib has ended")
            default: throw .compression("the stream of zlib is damaged")
            }
        }
    }

    private func setDictionary() throws(SPDYError) {
        let dictionary = HeaderDictionary.bytes
        let result = unsafe dictionary.withUnsafeBufferPointer {
            unsafe inflateSetDictionary(stream, $0.baseAddress, UInt32($0.count))
        }
        guard result == Z_OK else { throw .compression("compressed with another dictionary") }
    }
}

/// Compresses blocks; each ends at a flush, so that it can be read when it is there.
@safe final class HeaderDeflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // A window of 2 KiB holds the dictionary, and the least memory is enough: what is sent here is short.
        let result = unsafe deflateInit2_(
            stream, Z_BEST_COMPRESSION, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib: no memory")
        let dictionary = HeaderDictionary.bytes
        unsafe dictionary.withUnsafeBufferPointer { _ = unsafe deflateSetDictionary(stream, $0.baseAddress, UInt32($0.count)) }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    func deflate(_ block: [UInt8]) -> [UInt8] {
        var (bytes, used): ([UInt8], Int) = ([], 0)
        while true {
            let piece = 1024
            let output = unsafe [UInt8](unsafeUninitializedCapacity: piece) { buffer, filled in
                unsafe block.withUnsafeBufferPointer { block in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: block.baseAddress?.advanced(by: used))
                    unsafe stream.pointee.avail_in = UInt32(block.count - used)
                    unsafe stream.pointee.next_out = buffer.baseAddress!
                    unsafe stream.pointee.avail_out = UInt32(piece)
                    _ = unsafe CZlib.deflate(stream, Z_SYNC_FLUSH)
                    used = unsafe block.count - Int(stream.pointee.avail_in)
                    filled = unsafe piece - Int(stream.pointee.avail_out)
                }
            }
            bytes += output
            if output.count < piece { return bytes }
        }
    }
}
