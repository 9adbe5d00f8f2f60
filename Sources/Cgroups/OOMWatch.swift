import Glibc
package import LinuxSys

/// Tells when the kernel kills a process of a group for want of memory: the descriptor becomes readable when the count may have changed.
///
/// Under v1 an eventfd registered with memory.oom_control (kernel: admin-guide/cgroup-v1/memory.rst, 10), under v2 an inotify
/// watch of memory.events. Both also become readable when the group is removed.
package struct OOMWatch: ~Copyable, Sendable {
    /// Non-blocking; to be drained (`FD.drain`) when it is readable.
    package let fd: FD
    private let file: String

    init(_ place: ControllerPlace) throws(CgroupError) {
        do {
            switch place.version {
            case .v1:
                file = "\(place.path)/memory.oom_control"
                let counter = try FD.eventCounter()
                let control = try FD.open(file, O_RDONLY)
                try ControlFile.register("\(counter.raw) \(control.raw)", with: "\(place.path)/cgroup.event_control")
                fd = counter
            case .v2:
                file = "\(place.path)/memory.events"
                fd = try FD.watch(file, mask: 0x2 /* IN_MODIFY */)
            }
        } catch { throw .kernel(error) }
    }

    /// How many processes of the group were killed so far; nil when the group is gone.
    package func kills() -> UInt64? {
        guard let text = try? ControlFile.readIfPresent(file) else { return nil }
        return KeyedValues(text)["oom_kill"]
    }
}

extension Cgroup {
    /// Nil when the host has no memory controller: then nothing is killed for a limit of the group's.
    package func oomWatch() throws(CgroupError) -> OOMWatch? {
        guard let place = place(of: "memory") else { return nil }
        return try OOMWatch(place)
    }
}

extension ControlFile {
    fileprivate static func register(_ value: String, with path: String) throws(SysError) {
        do { _ = try FD.open(path, O_WRONLY).write(Array(value.utf8)) } catch { throw SysError(error.errno, "write \(value) to", on: path) }
    }
}
