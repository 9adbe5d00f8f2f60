import Glibc
internal import LinuxSys

/// A tar archive without owners and times of this machine: the same images make the same bytes.
struct TarTarget: ArchiveTarget {
    private let output: TarOutput

    init(_ file: FDBox, subject: String) { output = TarOutput(FileSink(file, subject: subject)) }

    private static func entry(_ kind: TarEntry.Kind, _ path: String, size: UInt64) -> TarEntry {
        var entry = TarEntry(
            kind: kind, path: Array(path.utf8), mode: kind == .directory ? 0o755 : 0o644, uid: 0, gid: 0,
            modify: FileTime(seconds: 0, nanoseconds: 0))
        entry.size = size
        return entry
    }

    func directory(_ path: String) throws(ImageError) { try output.begin(Self.entry(.directory, path + "/", size: 0)) }

    func document(_ path: String, _ bytes: [UInt8]) throws(ImageError) {
        try output.begin(Self.entry(.file, path, size: UInt64(bytes.count)))
        try output.content(bytes[...])
    }

    func blob(_ path: String, _ blob: FDBox, size: UInt64) throws(ImageError) {
        try output.begin(Self.entry(.file, path, size: size))
        var source = FileSource(blob, offset: 0, size: size, subject: path)
        while true {
            let bytes = try source.next()
            if bytes.isEmpty { return }
            try output.content(bytes[...])
        }
    }

    func finish() throws(ImageError) { try output.finish() }
}

/// A directory that has to be new or empty. What was written stays when a later step fails; the index comes last, so that nothing
/// takes half of it for an image.
final class DirectoryTarget: ArchiveTarget {
    private let root: FDBox
    private let path: String
    private var index: [UInt8] = []

    init(_ path: String) throws(ImageError) {
        if unsafe mkdir(path, 0o755) != 0, errno != EEXIST { throw .kernel(SysError(errno, "mkdir", on: path)) }
        self.path = path
        root = FDBox(try kernel { () throws(SysError) in try FD.open(path, O_RDONLY | O_DIRECTORY) })
        guard try kernel({ () throws(SysError) in try root.fd.entries() }).isEmpty else {
            throw .invalid(what: "directory", value: path, reason: "it is not empty")
        }
    }

    func directory(_ path: String) throws(ImageError) {
        let (parent, name) = try place(path)
        try kernel { () throws(SysError) in
            try parent.fd.makeDirectory(name, mode: 0o755)
            try parent.fd.setMode(of: name, 0o755)
        }
    }

    func document(_ path: String, _ bytes: [UInt8]) throws(ImageError) {
        if path == "index.json" { index = bytes } else { try write(path) { (file) throws(SysError) in try file.fd.writeAll(bytes) } }
    }

    func blob(_ path: String, _ blob: FDBox, size: UInt64) throws(ImageError) {
        try write(path) { (file) throws(SysError) in
            var offset: Int64 = 0
            while true {
                let bytes = try blob.fd.read(at: offset, count: pieceSize)
                if bytes.isEmpty { return }
                try file.fd.writeAll(bytes[...], at: offset)
                offset += Int64(bytes.count)
            }
        }
    }

    func finish() throws(ImageError) {
        let bytes = index
        try write("index.json") { (file) throws(SysError) in try file.fd.writeAll(bytes) }
        try kernel { () throws(SysError) in try root.fd.syncFileSystem() }
    }

    private func write(_ path: String, _ body: (FDBox) throws(SysError) -> Void) throws(ImageError) {
        let (parent, name) = try place(path)
        do {
            let file = FDBox(try parent.fd.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644))
            try file.fd.setMode(0o644)
            try body(file)
        } catch {
            throw .kernel(SysError(error.errno, error.operation, on: "\(self.path)/\(path)"))
        }
    }

    private func place(_ path: String) throws(ImageError) -> (FDBox, FileName) {
        let parts = path.split(separator: "/").map { FileName(own: String($0)) }
        let parent = try kernel { () throws(SysError) in try root.fd.openPathIfThere(Array(parts.dropLast())) }
        guard let parent, let name = parts.last else { throw .kernel(SysError(ENOENT, "open", on: "\(self.path)/\(path)")) }
        return (FDBox(parent), name)
    }
}
