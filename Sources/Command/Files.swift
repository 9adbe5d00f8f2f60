internal import Glibc
internal import LinuxSys

/// The few files that this program makes itself, all of root's own and in its own directory.
enum Files {
    static func makeDirectory(_ path: String) throws(SysError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: path) }
    }

    static func makeFIFO(_ path: String) throws(SysError) {
        if unsafe mkfifo(path, 0o600) != 0 { throw SysError(errno, "mkfifo", on: path) }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func remove(_ path: String) throws(SysError) {
        if unsafe unlink(path) != 0, errno != ENOENT { throw SysError(errno, "unlink", on: path) }
    }

    static func size(_ path: String) -> Int64 {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    static func read(_ path: String, limit: Int) throws(SysError) -> [UInt8] { try FD.open(path, O_RDONLY).readAll(limit: limit) }

    /// Removes a directory of one level of directories below (a bundle with its empty rootfs). It goes no deeper and
    /// into no other file system: should something be mounted there, that is an error and nothing of it is touched.
    static func removeBundle(_ path: String) throws(SysError) {
        // The lock last: who waits for it must not find the directory half removed and unlocked.
        for name in try names(in: path).sorted(by: { a, b in a != "lock" && b == "lock" }) {
            let entry = "\(path)/\(name)"
            guard unsafe unlink(entry) != 0, errno != ENOENT else { continue }
            guard errno == EISDIR else { throw SysError(errno, "unlink", on: entry) }
            if unsafe rmdir(entry) != 0, errno != ENOENT { throw SysError(errno, "rmdir", on: entry) }
        }
        if unsafe rmdir(path) != 0, errno != ENOENT { throw SysError(errno, "rmdir", on: path) }
    }

    private static func names(in path: String) throws(SysError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw SysError(errno, "opendir", on: path)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
