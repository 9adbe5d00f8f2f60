internal import CISAL

/// Packs a stream as one gzip member (RFC 1952) without name and time: the same pieces make the same bytes.
@safe final class GzipPacker {
    /// What ISA-L wants for its first level (igzip_lib.h, ISAL_DEF_LVL1_DEFAULT, which Swift does not import).
    private static let room = 282_624
    private let stream: UnsafeMutablePointer<isal_zstream>
    private let table: UnsafeMutablePointer<UInt8>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe table = .allocate(capacity: Self.room)
        unsafe isal_deflate_init(stream)
        unsafe stream.pointee.level = 1
        unsafe stream.pointee.level_buf = table
        unsafe stream.pointee.level_buf_size = UInt32(Self.room)
        unsafe stream.pointee.gzip_flag = UInt16(IGZIP_GZIP)
    }

    deinit {
        unsafe stream.deallocate()
        unsafe table.deallocate()
    }

    func pack(_ bytes: [UInt8], isLast: Bool, to lane: HashLane) throws(ImageError) {
        var used = 0
        var isFull = true
        while isFull || used < bytes.count {
            let output = try step(bytes, &used, isLast)
            isFull = output.count == pieceSize
            if !output.isEmpty { lane.add(output) }
        }
    }

    private func step(_ bytes: [UInt8], _ used: inout Int, _ isLast: Bool) throws(ImageError) -> [UInt8] {
        var result: Int32 = 0
        let start = used
        let output = unsafe [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, filled in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe stream.pointee.next_in = bytes.baseAddress.map { unsafe UnsafeMutablePointer(mutating: $0 + start) }
                unsafe stream.pointee.avail_in = UInt32(bytes.count - start)
                unsafe stream.pointee.next_out = buffer.baseAddress!
                unsafe stream.pointee.avail_out = UInt32(pieceSize)
                unsafe stream.pointee.end_of_stream = isLast ? 1 : 0
                unsafe stream.pointee.flush = 0  // NO_FLUSH
                result = unsafe isal_deflate(stream)
                used = unsafe bytes.count - Int(stream.pointee.avail_in)
                filled = unsafe pieceSize - Int(stream.pointee.avail_out)
            }
        }
        guard result == COMP_OK else { throw .limit(subject: "a layer", what: "gzip ends with error \(result)") }
        return output
    }
}
