internal import LinuxSys
internal import OCI

/// A stream of bytes in big pieces, read once.
protocol ByteSource {
    /// The next piece; empty at the end, and from then on.
    mutating func next() throws(ImageError) -> [UInt8]
    /// Leaves out up to `count` bytes without reading them; says how many.
    mutating func skip(_ count: UInt64) -> UInt64
}

extension ByteSource {
    mutating func skip(_ count: UInt64) -> UInt64 { 0 }
}

/// Big enough that calls cost nothing, small enough that a few of them stay in the cache.
let pieceSize = 512 << 10

/// A part of an open file.
struct FileSource: ByteSource {
    private let file: FDBox
    private var offset: Int64
    private var left: UInt64
    private let subject: String
    private let arrival: Arrival?

    init(_ file: FDBox, offset: UInt64, size: UInt64, subject: String, arrival: Arrival? = nil) {
        self.file = file
        self.arrival = arrival
        self.offset = Int64(offset)
        left = size
        self.subject = subject
    }

    mutating func next() throws(ImageError) -> [UInt8] {
        guard left > 0 else { return [] }
        let bytes: [UInt8]
        var ready = left
        if let arrival { ready = try arrival.wait(behind: UInt64(offset)) - UInt64(offset) }
        do { bytes = try file.fd.read(at: offset, count: Int(min(left, ready, UInt64(pieceSize)))) } catch { throw .kernel(error) }
        guard !bytes.isEmpty else { throw .archive(subject: subject, reason: "the file ends \(left) bytes too early") }
        offset += Int64(bytes.count)
        left -= UInt64(bytes.count)
        return bytes
    }

    mutating func skip(_ count: UInt64) -> UInt64 {
        let part = min(count, left)
        offset += Int64(part)
        left -= part
        return part
    }
}

/// What comes out of a pipe, or of a file from where it stands.
struct StreamSource: ByteSource {
    private let file: FDBox
    private let subject: String
    private var first: [UInt8]?

    init(_ file: FDBox, subject: String) {
        self.file = file
        self.subject = subject
    }

    /// The first bytes, which are not taken.
    mutating func peek() throws(ImageError) -> [UInt8] {
        if first == nil { first = try read() }
        return first ?? []
    }

    mutating func next() throws(ImageError) -> [UInt8] {
        if let piece = first {
            first = nil
            return piece
        }
        return try read()
    }

    /// A whole piece, however little comes at once: what is made of the stream must not depend on how it comes.
    private func read() throws(ImageError) -> [UInt8] {
        var piece: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while piece.count + buffer.count <= pieceSize {
            let result: Transfer
            do { result = try file.fd.read(into: &buffer) } catch { throw .kernel(SysError(error.errno, "read", on: subject)) }
            guard case .bytes(let count) = result else { break }
            piece += buffer[..<count]
        }
        return piece
    }
}

/// Bytes in memory.
struct MemorySource: ByteSource {
    private var bytes: [UInt8]
    /// For tests: how the bytes are cut up.
    private let piece: Int

    init(_ bytes: [UInt8], piece: Int = .max) {
        self.bytes = bytes
        self.piece = piece
    }

    mutating func next() -> [UInt8] {
        let head = Array(bytes.prefix(piece))
        bytes.removeFirst(head.count)
        return head
    }
}

/// Shows each piece to `watch` on its way (a hash, a file, a progress line).
struct TappedSource<Upstream: ByteSource>: ByteSource {
    private var upstream: Upstream
    private let watch: ([UInt8]) throws(ImageError) -> Void

    init(_ upstream: Upstream, watch: @escaping ([UInt8]) throws(ImageError) -> Void) {
        self.upstream = upstream
        self.watch = watch
    }

    mutating func next() throws(ImageError) -> [UInt8] {
        let bytes = try upstream.next()
        if !bytes.isEmpty { try watch(bytes) }
        return bytes
    }
}

/// A plain, gzip or zstd stream, uncompressed.
enum UnpackedSource<Upstream: ByteSource>: ByteSource {
    case plain(Upstream)
    case gzip(GzipSource<Upstream>)
    case zstd(ZstdSource<Upstream>)

    init(_ upstream: Upstream, _ compression: Compression, subject: String) throws(ImageError) {
        switch compression {
        case .none: self = .plain(upstream)
        case .gzip: self = .gzip(GzipSource(upstream, subject: subject))
        case .zstd: self = .zstd(try ZstdSource(upstream, subject: subject))
        }
    }

    mutating func next() throws(ImageError) -> [UInt8] {
        switch self {
        case .plain(var source):
            defer { self = .plain(source) }
            return try source.next()
        case .gzip(let source): return try source.next()
        case .zstd(let source): return try source.next()
        }
    }
}
