import Glibc
package import LinuxSys

extension Cgroup {
    /// Files of each hierarchy through which a process with a single thread can move itself in, opened for one in other namespaces.
    ///
    /// Under v1 `tasks`: to move one thread, and that the caller, the kernel need not keep all processes of the host from forking,
    /// which it can do only after all processors have come by once (`cgroup_threadgroup_rwsem`). v2 has no such file.
    /// `subgroups` as for `enter`; `isBornInside`: the process is in the unified hierarchy's already.
    package func doors(_ subgroups: [String: String] = [:], isBornInside: Bool = false) throws(CgroupError) -> [FDBox] {
        var result: [FDBox] = []
        for place in try places(subgroups) where !(isBornInside && place.isUnified) {
            let file = place.isUnified ? "cgroup.procs" : "tasks"
            do { result.append(FDBox(try FD.open("\(place.path)/\(file)", O_WRONLY))) } catch { throw .kernel(error) }
        }
        return result
    }

    /// Moves the caller in. Its memory is charged there from now on.
    package static func enter(through door: FDBox) throws(CgroupError) {
        do { _ = try door.fd.write([UInt8(ascii: "0")]) } catch { throw .kernel(SysError(error.errno, "join", on: "the cgroup")) }
    }
}
