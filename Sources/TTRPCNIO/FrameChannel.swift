import NIOCore
import TTRPC

/// What client and server connections share on a channel: bytes to frame events, frames to bytes, and the count of what
/// the peer has not taken yet.
struct FrameChannel {
    /// From here on nothing more is read until the peer has taken some of what waits for it.
    static let highWater = 1 << 20
    static let mostPending = 16 << 20

    private var decoder = FrameDecoder()
    private(set) var pending = 0

    var isInsideFrame: Bool { decoder.isInsideFrame }

    mutating func append(_ buffer: ByteBuffer) { decoder.append(Array(buffer.readableBytesView)) }
    mutating func next() -> FrameEvent? { decoder.next() }

    /// The bytes of a frame that is about to be written.
    mutating func take(_ frame: Frame, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        let bytes = allocator.buffer(bytes: frame.encoded)
        pending += bytes.readableBytes
        return bytes
    }

    mutating func written(_ count: Int) { pending -= count }
}
