internal import CLinux
import Glibc

extension FD {
    /// A non-blocking inotify(7) descriptor that watches one path for the events of `mask`.
    package static func watch(_ path: String, mask: UInt32) throws(SysError) -> FD {
        let inotify = FD(owning: try check(clx_inotify(), "inotify_init1"))
        try check(unsafe clx_inotify_watch(inotify.raw, path, mask), "inotify_add_watch", on: path)
        return inotify
    }

    /// A non-blocking eventfd(2) that counts from zero.
    package static func eventCounter() throws(SysError) -> FD { FD(owning: try check(clx_eventfd(0, 0), "eventfd")) }

    /// Reads and forgets whatever a non-blocking descriptor has to say.
    package func drain() throws(SysError) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case .bytes = try read(into: &buffer) {}
    }
}

/// The names of the directories in the directory `path`.
package func subdirectories(of path: String) throws(SysError) -> [String] {
    let directory = try FD.open(path, O_RDONLY | O_DIRECTORY)
    var size = 4096
    while true {
        var names = [CChar](repeating: 0, count: size)
        let used = unsafe clx_subdirectories(directory.raw, &names, size)
        if used == -Int(ENOBUFS), size < 16 << 20 {
            size *= 4
            try checkErrno("lseek", on: path) { lseek(directory.raw, 0, SEEK_SET) }
            continue
        }
        try check(used, "getdents", on: path)
        return names[..<Int(used)].split(separator: 0).map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    }
}
