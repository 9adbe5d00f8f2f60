import Glibc
internal import LinuxSys

extension Cgroup {
    /// Removes every directory of the group and the groups below it. Blocks until they are empty, at most `milliseconds`, and then says
    /// who holds them. What is gone already counts as removed; parents stay, as others may be about to use them.
    package func remove(milliseconds: UInt64 = 10_000) throws(CgroupError) {
        try stopUnit()
        let deadline = monotonicNanoseconds() + milliseconds * 1_000_000
        var left = paths
        var pause: UInt32 = 500
        while true {
            var busy: [String] = []
            for path in left where try !Self.removed(path) { busy.append(path) }
            guard let first = busy.first else { return }
            guard monotonicNanoseconds() < deadline else { throw .held(directory: first, by: try Self.holders(busy)) }
            left = busy
            // The kernel tells of emptiness in no way common to both versions; a process that was killed is gone in a moment.
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }

    /// Removes it if nothing is in it, as after the end of most containers. False, and what is left is for `kill` and `remove`, if not:
    /// also where systemd made it, which would go on believing in a scope whose directory is gone.
    package func removeIfEmpty() throws(CgroupError) -> Bool {
        guard unit == nil else { return false }
        for path in paths where try Self.removedOnce(path) != true { return false }
        return true
    }

    /// False when something is in it.
    private static func removed(_ directory: String) throws(CgroupError) -> Bool {
        if let done = try removedOnce(directory) { return done }
        for child in try children(of: directory) where try !removed(child) { return false }
        return try removedOnce(directory) ?? false
    }

    /// Nil when it is busy.
    private static func removedOnce(_ directory: String) throws(CgroupError) -> Bool? {
        if unsafe rmdir(directory) == 0 { return true }
        let code = errno
        switch code {
        case ENOENT: return true
        case EBUSY, ENOTEMPTY: return nil
        default: throw .kernel(SysError(code, "remove cgroup", on: directory))
        }
    }

    /// `1234 (sleep)` for each process.
    private static func holders(_ directories: [String]) throws(CgroupError) -> [String] {
        var pids: Set<Int32> = []
        for directory in directories { pids.formUnion(try processes(below: directory)) }
        return pids.sorted().map { pid in
            let name = (try? ControlFile.read("/proc/\(pid)/comm")).map { String($0.trimmed) } ?? "gone"
            return "\(pid) (\(name))"
        }
    }
}
