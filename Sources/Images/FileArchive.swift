import Glibc
internal import LinuxSys

/// A tar archive of plain files, made of what lies in directories: what a checkpoint becomes.
package enum FileArchive {
    package struct Member: Sendable {
        package var name: String
        package var path: String

        package init(_ name: String, at path: String) {
            self.name = name
            self.path = path
        }
    }

    /// Every plain file of `directory`, as `prefix/NAME`, by name.
    package static func members(of directory: String, below prefix: String) throws(ImageError) -> [Member] {
        let place = try kernel { () throws(SysError) in try FD.open(directory, O_RDONLY | O_DIRECTORY) }
        var result: [Member] = []
        for name in try kernel({ () throws(SysError) in try place.entries() }) {
            guard try kernel({ () throws(SysError) in try place.status(of: name) })?.kind == .file else { continue }
            result.append(Member("\(prefix)/\(name)", at: "\(directory)/\(name)"))
        }
        return result.sorted { $0.name < $1.name }
    }

    /// At `path`, mode 0600, whole or not at all.
    package static func write(_ members: [Member], to path: String) throws(ImageError) {
        let unfinished = path + ".unfinished"
        do throws(ImageError) {
            let file = try kernel { () throws(SysError) in FDBox(try FD.open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)) }
            let output = TarOutput(FileSink(file, subject: unfinished))
            for member in members { try add(member, to: output) }
            try output.finish()
            guard unsafe rename(unfinished, path) == 0 else { throw ImageError.kernel(SysError(errno, "rename", on: path)) }
        } catch {
            _ = unsafe unlink(unfinished)
            throw error
        }
    }

    private static func add(_ member: Member, to output: TarOutput) throws(ImageError) {
        let file = try kernel { () throws(SysError) in try FD.open(member.path, O_RDONLY | O_NOFOLLOW) }
        let size = try kernel { () throws(SysError) in try file.status() }?.size ?? 0
        var entry = TarEntry(
            kind: .file, path: Array(member.name.utf8), mode: 0o600, uid: 0, gid: 0, modify: FileTime(seconds: 0, nanoseconds: 0))
        entry.size = size
        try output.begin(entry)
        var left = size
        while left > 0 {
            let wanted = Int(min(left, 1 << 20))
            let (_, bytes) = try kernel { () throws(SysError) in try file.read(atMost: wanted) }
            guard !bytes.isEmpty else { throw .archive(subject: member.path, reason: "became shorter while it was read") }
            try output.content(bytes[...])
            left -= UInt64(bytes.count)
        }
    }
}
