internal import LinuxSys
internal import OCI

/// Where a stream of bytes goes, in big pieces.
protocol ByteSink: AnyObject {
    func write(_ bytes: [UInt8]) throws(ImageError)
}

/// Bytes kept in memory.
final class MemorySink: ByteSink {
    private(set) var bytes: [UInt8] = []

    func write(_ bytes: [UInt8]) { self.bytes += bytes }
}

/// An open file, pipe or terminal, from where it stands.
final class FileSink: ByteSink {
    private let file: FDBox
    private let subject: String

    init(_ file: FDBox, subject: String) {
        self.file = file
        self.subject = subject
    }

    func write(_ bytes: [UInt8]) throws(ImageError) {
        do { try file.fd.writeAll(bytes) } catch { throw .kernel(SysError(error.errno, "write", on: subject)) }
    }
}

/// A layer on its way into a blob: hashed as the tar that it is (diff ID), packed, hashed again (digest) and written,
/// the hashes beside the thread that brings the bytes.
final class BlobOutput: ByteSink {
    struct Result: Sendable {
        let diffID: Digest
        let digest: Digest
        let size: UInt64
    }
    private let plain: HashLane
    private let packed: HashLane
    private var packer: Packer
    private let cancellation: Cancellation?

    /// `file` is written from its start.
    init(_ compression: Compression, file: FDBox, cancellation: Cancellation? = nil) throws(ImageError) {
        self.cancellation = cancellation
        packed = HashLane(.sha256, file: file)
        plain = compression == .none ? packed : HashLane(.sha256, file: nil)
        packer = try Packer(compression)
    }

    func write(_ bytes: [UInt8]) throws(ImageError) {
        try cancellation?.check("write", on: "a layer")
        plain.add(bytes)
        try pack(bytes, isLast: false)
    }

    /// After the last byte.
    func finish() throws(ImageError) -> Result {
        try pack([], isLast: true)
        let found = try packed.finish()
        return Result(diffID: try plain.finish().digest, digest: found.digest, size: found.size)
    }

    private func pack(_ bytes: [UInt8], isLast: Bool) throws(ImageError) {
        switch packer {
        case .none: break  // One lane is both.
        case .gzip(let gzip): try gzip.pack(bytes, isLast: isLast, to: packed)
        case .zstd(let zstd): try zstd.pack(bytes, isLast: isLast, to: packed)
        }
    }
}

/// What makes a stream smaller.
enum Packer {
    case none
    case gzip(GzipPacker)
    case zstd(ZstdPacker)

    init(_ compression: Compression) throws(ImageError) {
        switch compression {
        case .none: self = .none
        case .gzip: self = .gzip(GzipPacker())
        case .zstd: self = .zstd(try ZstdPacker())
        }
    }
}
