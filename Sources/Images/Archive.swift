import Glibc
internal import LinuxSys
internal import OCI

/// The named files of an image archive: of a directory, or of a tar in which they are found without reading what is between them.
struct Archive: Sendable {
    /// A stretch of an open file.
    struct Part: Sendable {
        let file: FDBox
        let offset: UInt64
        let size: UInt64
        /// Of a file that is still being written.
        var arrival: Arrival?
    }
    private enum Storage: Sendable {
        case directory(FDBox)
        case tar([String: Part])
    }
    /// As the caller wrote it, for messages.
    let path: String
    private let storage: Storage

    /// Opens a directory, or a tar that may be packed by gzip or zstd as a whole; that one is unpacked into `scratch` first.
    init(_ path: String, scratch: borrowing FD, limits: UnpackLimits) throws(ImageError) {
        self.path = path
        let file = FDBox(try kernel { () throws(SysError) in try FD.open(path, O_RDONLY | O_NONBLOCK) })
        guard let status = try kernel({ () throws(SysError) in try file.fd.status() }) else {
            throw .kernel(SysError(ENOENT, "open", on: path))
        }
        switch status.kind {
        case .directory: storage = .directory(file)
        case .file:
            let magic = try kernel { () throws(SysError) in try file.fd.read(at: 0, count: 4) }
            let compression = Compression(magic: magic)
            let whole = Part(file: file, offset: 0, size: status.size)
            let tar = compression == .none ? whole : try Self.uncompress(whole, compression, path, scratch, limits)
            storage = .tar(try Self.index(tar, path, limits))
        default: throw .unsupported(subject: path, what: "an archive that is neither a file nor a directory")
        }
    }

    private static func uncompress(
        _ part: Part, _ compression: Compression, _ path: String, _ scratch: borrowing FD, _ limits: UnpackLimits
    ) throws(ImageError) -> Part {
        let name = FileName(own: "archive.tar")
        let file = FDBox(try kernel { () throws(SysError) in try scratch.openEntry(name, O_RDWR | O_CREAT | O_EXCL, mode: 0o600) })
        _ = try kernel { () throws(SysError) in try scratch.removeEntry(name, isDirectory: false) }
        var source = try UnpackedSource(FileSource(part.file, offset: 0, size: part.size, subject: path), compression, subject: path)
        var size: UInt64 = 0
        var disk = DiskWatch(file, subject: path)
        while true {
            let bytes = try source.next()
            try disk.wrote(UInt64(bytes.count))
            // What is in an archive beside its layers is small.
            guard size <= limits.layerSize else { throw .limit(subject: path, what: "more than \(limits.layerSize) bytes uncompressed") }
            if bytes.isEmpty { return Part(file: file, offset: 0, size: size) }
            try kernel { () throws(SysError) in try file.fd.writeAll(bytes[...], at: Int64(size)) }
            size += UInt64(bytes.count)
        }
    }

    private static func index(_ part: Part, _ path: String, _ limits: UnpackLimits) throws(ImageError) -> [String: Part] {
        var limits = limits
        limits.layerSize = UInt64(Int64.max)
        var reader = TarReader(FileSource(part.file, offset: part.offset, size: part.size, subject: path), subject: path, limits: limits)
        var parts: [String: Part] = [:]
        var links: [(name: String, target: String)] = []
        while let entry = try reader.next() {
            guard let name = Self.name(entry.path, from: []) else {
                throw .archive(subject: path, reason: "the path \(entry.shownPath) leads out of it")
            }
            switch entry.kind {
            case .file:
                guard entry.parts == nil else {
                    throw .unsupported(subject: path, what: "a sparse file (\(entry.shownPath)) in an image archive")
                }
                parts[name] = Part(file: part.file, offset: reader.position, size: entry.size)
            case .symlink:  // Equal layers are links to one another.
                if let target = Self.name(entry.linkTarget, from: entry.path) { links.append((name, target)) }
            case .hardLink:
                if let target = Self.name(entry.linkTarget, from: []) { links.append((name, target)) }
            case .directory, .fifo, .characterDevice, .blockDevice: break
            }
        }
        for link in links { parts[link.name] = parts[link.target] }
        return parts
    }

    /// A clean name relative to the archive; nil when it leads out.
    private static func name(_ bytes: [UInt8], from base: [UInt8]) -> String? {
        let directory = base.lastIndex(of: 0x2f).map { Array(base[..<$0]) } ?? []
        guard let path = try? cleanPath(bytes.first == 0x2f || directory.isEmpty ? bytes : directory + [0x2f] + bytes) else { return nil }
        return path.map(\.description).joined(separator: "/")
    }

    /// Nil when there is no such file.
    func part(_ name: String) throws(ImageError) -> Part? {
        switch storage {
        case .tar(let parts):
            guard let path = try? cleanPath(Array(name.utf8)) else { return nil }
            return parts[path.map(\.description).joined(separator: "/")]
        case .directory(let directory):
            let file: FDBox
            do { file = FDBox(try directory.fd.open(name, O_RDONLY | O_NONBLOCK, resolve: [.beneath, .noMagicLinks])) } catch {
                if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
                throw .kernel(SysError(error.errno, "open", on: "\(path)/\(name)"))
            }
            guard let status = try kernel({ () throws(SysError) in try file.fd.status() }), status.kind == .file else {
                throw .archive(subject: path, reason: "\(name) is not a regular file")
            }
            return Part(file: file, offset: 0, size: status.size)
        }
    }

    /// The whole of a small file. Throws when it is missing, or longer than `limit`.
    func bytes(_ name: String, limit: Int) throws(ImageError) -> [UInt8] {
        guard let part = try part(name) else { throw .archive(subject: path, reason: "\(name) is missing") }
        guard part.size <= UInt64(limit) else { throw .archive(subject: path, reason: "\(name) is longer than \(limit) bytes") }
        let bytes = try kernel { () throws(SysError) in try part.file.fd.read(at: Int64(part.offset), count: Int(part.size)) }
        guard bytes.count == Int(part.size) else { throw .archive(subject: path, reason: "it ends in \(name)") }
        return bytes
    }

    /// A JSON document of the archive.
    func document(_ name: String, limit: Int) throws(ImageError) -> JSON {
        try Self.parse(try bytes(name, limit: limit), "\(name) of \(path)")
    }

    static func parse(_ bytes: [UInt8], _ subject: String) throws(ImageError) -> JSON {
        do { return try JSON(parsing: bytes) } catch { throw .document(subject: subject, reason: error.description) }
    }

    /// Reads a document's fields; what is wrong with them names the document.
    static func fields<T>(_ subject: String, _ body: () throws(FieldError) -> T) throws(ImageError) -> T {
        do { return try body() } catch { throw .document(subject: subject, reason: error.description) }
    }
}

extension FileSource {
    init(_ part: Archive.Part, subject: String) {
        self.init(part.file, offset: part.offset, size: part.size, subject: subject, arrival: part.arrival)
    }
}
