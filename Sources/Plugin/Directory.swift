internal import Glibc
internal import LinuxSys

/// Directories of our own (never of a container: nobody else writes there while we do).
enum Directory {
    /// Makes `path` and what is missing above it.
    static func make(_ path: String, mode: UInt32) throws(SysError) {
        if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, parent(of: path) != path else { throw SysError(errno, "mkdir", on: path) }
        try make(parent(of: path), mode: mode)
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else { throw SysError(errno, "mkdir", on: path) }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    static func touch(_ path: String) throws(SysError) { try FD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).close() }

    /// Removes `path` and all below it, without following links or crossing into other file systems. Nothing there is fine.
    static func removeTree(_ path: String) throws(SysError) {
        if unsafe unlink(path) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw SysError(errno, "unlink", on: path) }
        for name in try names(in: path) { try removeTree(path + "/" + name) }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw SysError(errno, "rmdir", on: path) }
    }

    /// Nothing there: none.
    static func names(in path: String) throws(SysError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw SysError(errno, "opendir", on: path)
        }
        defer { unsafe _ = closedir(stream) }
        var result: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { result.append(name) }
        }
        return result
    }
}
