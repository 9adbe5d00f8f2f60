internal import LinuxSys

/// Reads a tar archive once, front to back: V7, ustar, pax (with extended attributes), GNU (long names, sparse files).
///
/// Pure: bytes in, entries out. What is wrong with the archive is an error that says where.
struct TarReader<Source: ByteSource> {
    private(set) var source: Source
    private let subject: String
    let limits: UnpackLimits
    private var piece: [UInt8] = []
    private var at = 0
    /// Bytes of the stream before `piece`.
    private var before: UInt64 = 0
    /// Stored bytes of the current entry that were not handed out, and the zeros after them.
    private var contentLeft: UInt64 = 0
    private var paddingLeft: UInt64 = 0
    private var entryCount = 0
    private var global = PaxRecords()

    init(_ source: Source, subject: String, limits: UnpackLimits = UnpackLimits()) {
        self.source = source
        self.subject = subject
        self.limits = limits
    }

    /// Bytes of the archive that were read.
    var position: UInt64 { before + UInt64(at) }

    func damaged(_ reason: String) -> ImageError { .archive(subject: subject, reason: "\(reason) (at byte \(position))") }
    func tooMuch(_ what: String) -> ImageError { .limit(subject: subject, what: what) }
    func unsupported(_ what: String) -> ImageError { .unsupported(subject: subject, what: what) }

    /// The next entry, or nil at the end of the archive. What was not read of the last one is skipped.
    mutating func next() throws(ImageError) -> TarEntry? {
        try skipContent()
        var extended = ExtendedHeaders(global: global)
        while let header = try header() {
            entryCount += 1
            guard entryCount <= limits.entries else { throw tooMuch("more than \(limits.entries) entries") }
            switch header.type {
            case UInt8(ascii: "x"):
                let bytes = try extensionBytes(header, &extended)
                guard extended.pax.add(bytes) else { throw damaged("a pax header that is none") }
            case UInt8(ascii: "g"):
                let bytes = try extensionBytes(header, &extended)
                guard global.add(bytes) else { throw damaged("a global pax header that is none") }
                extended.global = global
            case UInt8(ascii: "L"): extended.longName = Array(try extensionBytes(header, &extended).prefix { $0 != 0 })
            case UInt8(ascii: "K"): extended.longLink = Array(try extensionBytes(header, &extended).prefix { $0 != 0 })
            default: return try entry(header, extended)
            }
            extended.isEmpty = header.type == UInt8(ascii: "g") && extended.isEmpty
        }
        guard extended.isEmpty else { throw damaged("the archive ends after an extended header") }
        return nil
    }

    /// The next piece of the current entry's stored bytes; empty at its end.
    mutating func content() throws(ImageError) -> ArraySlice<UInt8> {
        guard contentLeft > 0 else { return [] }
        guard try fill() else { throw damaged("the archive ends \(contentLeft) bytes before the end of a file") }
        let count = Int(min(UInt64(piece.count - at), contentLeft))
        defer {
            at += count
            contentLeft -= UInt64(count)
        }
        return piece[at..<(at + count)]
    }

    /// Reads what follows the end of the archive (padding of the last record): a digest is over all of it.
    mutating func drain() throws(ImageError) {
        at = piece.count
        while try fill() { at = piece.count }
    }

    /// Makes at least one byte available; false at the end of the stream.
    private mutating func fill() throws(ImageError) -> Bool {
        if at < piece.count { return true }
        before += UInt64(piece.count)
        piece = try source.next()
        at = 0
        guard before + UInt64(piece.count) <= limits.layerSize else { throw tooMuch("more than \(limits.layerSize) bytes uncompressed") }
        return !piece.isEmpty
    }

    /// `count` bytes, or nil when the stream ends before the first one. What lies in one piece is not copied.
    mutating func take(_ count: Int, _ what: String) throws(ImageError) -> ArraySlice<UInt8>? {
        if piece.count - at >= count {
            defer { at += count }
            return piece[at..<(at + count)]
        }
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard try fill() else {
                if bytes.isEmpty { return nil }
                throw damaged("the archive ends in \(what)")
            }
            let part = min(count - bytes.count, piece.count - at)
            bytes += piece[at..<(at + part)]
            at += part
        }
        return bytes[...]
    }

    private mutating func skip(_ count: UInt64, _ what: String) throws(ImageError) {
        var left = count
        let inPiece = min(left, UInt64(piece.count - at))
        at += Int(inPiece)
        left -= inPiece
        if left > 0 {
            let skipped = source.skip(left)
            before += skipped
            left -= skipped
        }
        while left > 0 {
            guard try fill() else { throw damaged("the archive ends in \(what)") }
            let part = Int(min(UInt64(piece.count - at), left))
            at += part
            left -= UInt64(part)
        }
    }

    private mutating func skipContent() throws(ImageError) {
        let (content, padding) = (contentLeft, paddingLeft)
        contentLeft = 0
        paddingLeft = 0
        try skip(content, "a file")
        // The last file's zeros are missing where a writer was never closed (`umoci insert`): no content is lost with them.
        var left = padding
        while left > 0, try fill() {
            let part = Int(min(UInt64(piece.count - at), left))
            at += part
            left -= UInt64(part)
        }
    }

    /// Nil at the end: a block of zeros, or the end of the stream between two entries, as many writers leave it.
    private mutating func header() throws(ImageError) -> TarHeader? {
        guard let block = try take(TarHeader.size, "a header") else { return nil }
        let header = TarHeader(block: block)
        if header.isZero { return nil }
        guard header.checksumMatches else { throw damaged("a header whose checksum does not match") }
        return header
    }

    private mutating func extensionBytes(_ header: TarHeader, _ extended: inout ExtendedHeaders) throws(ImageError) -> [UInt8] {
        guard let size = header.number(124..<136), size >= 0 else { throw damaged("an extended header without a size") }
        extended.size += Int(clamping: size)
        guard extended.size <= limits.headerSize else { throw tooMuch("extended headers of more than \(limits.headerSize) bytes") }
        guard let bytes = try take(Int(size), "an extended header") else {
            if size == 0 { return [] }
            throw damaged("the archive ends in an extended header")
        }
        try skip(Self.padding(UInt64(size)), "the padding of an extended header")
        return Array(bytes)
    }

    static func padding(_ size: UInt64) -> UInt64 { (512 - size % 512) % 512 }

    mutating func setContent(stored: UInt64, padding: UInt64) {
        contentLeft = stored
        paddingLeft = padding
    }
}

/// What stood in the extended headers in front of one entry.
struct ExtendedHeaders {
    var global: PaxRecords
    var pax = PaxRecords()
    var longName: [UInt8]?
    var longLink: [UInt8]?
    var size = 0
    var isEmpty = true

    init(global: PaxRecords) { self.global = global }

    /// Nothing but what the header itself says.
    var saysNothing: Bool { pax.isEmpty && global.isEmpty }

    func value(_ key: String) -> [UInt8]? { pax.values[key] ?? global.values[key] }
    /// The set of records that has the key.
    func holder(_ key: String) -> PaxRecords { pax.values[key] != nil ? pax : global }
}
