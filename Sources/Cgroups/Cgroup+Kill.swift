import Glibc
internal import LinuxSys

extension Cgroup {
    /// Sends SIGKILL to every process of the group and the groups below it. Returns without waiting for them to be gone.
    ///
    /// `cgroup.kill` of v2 does it at once, also where v1 holds the limits. Where it is not to be had, or a process is in a v1 group
    /// only, each one is killed through a pidfd, until a round finds none that was not killed before. Nothing is frozen for it; a
    /// group that is frozen is thawed, as v1 lets a frozen process die only then.
    package func kill() throws(CgroupError) {
        if let unified, ControlFile.exists("\(unified)/cgroup.kill") {
            do { try ControlFile.write("1", to: "\(unified)/cgroup.kill") } catch { try Self.ignoreGone(error) }
        }
        var killed: Set<Int32> = []
        // A bound, so that a fork bomb cannot hold the caller; the next call goes on.
        for _ in 0..<1000 {
            var found: Set<Int32> = []
            for path in paths { found.formUnion(try Self.processes(below: path)) }
            let new = found.subtracting(killed)
            for pid in new { try Self.killProcess(pid) }
            killed.formUnion(new)
            if new.isEmpty { break }
        }
        settle()
        if oldDirectory("freezer") != nil || !killed.isEmpty {
            do { try thaw() } catch { try Self.ignoreGone(error) }
        }
    }

    private static func killProcess(_ pid: Int32) throws(CgroupError) {
        do { try FD.pidfd(of: pid).signalProcess(SIGKILL) } catch {
            // ESRCH: gone meanwhile. EINVAL: the number is a thread by now.
            guard error.errno == ESRCH || error.errno == EINVAL else { throw .kernel(error) }
        }
    }

    private static func ignoreGone(_ error: CgroupError) throws(CgroupError) {
        if case .kernel(let failure) = error, failure.errno == ENOENT || failure.errno == ENODEV { return }
        throw error
    }
}
