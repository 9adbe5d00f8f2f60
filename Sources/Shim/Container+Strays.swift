internal import EventLoop
import Glibc
internal import LinuxSys

extension Container {
    /// Children of this process that nobody waits for: an executor that was killed had cloned them (CLONE_PARENT makes them ours) and
    /// told nobody. They are ended and reaped. Left as a zombie, one of them would keep its pid namespace, and so init's exit, from
    /// coming to an end for ever.
    ///
    /// Not while another executor may have cloned one of which it is about to tell, and not where orphans of a container become this
    /// process' children: there `StrayReaper` looks after them.
    func endStrays() {
        let busy = ([initial] + execs.values).contains { $0.executor?.isRunning == true && !$0.isMade }
        guard hasStrays, strays == nil, !busy else { return }
        hasStrays = false
        let own = currentPID()
        guard let bytes = try? FD.open("/proc/self/task/\(own)/children", O_RDONLY).readAll(limit: 1 << 20) else { return }
        for word in bytes.split(separator: 0x20) {
            guard let pid = Int32(String(decoding: word, as: UTF8.self)), !loop.awaitedChildren.contains(pid) else { continue }
            log.warning("process \(pid), which a killed executor had made, is ended")
            do throws(SysError) {
                let pidfd = FDBox(try FD.pidfd(of: pid))
                try ChildWatch(loop: loop) { _ in }.watch(pidfd, pid: pid)
                try pidfd.fd.signalProcess(SIGKILL)
            } catch { if error.errno != ESRCH { log.warning("end process \(pid): \(error)") } }
        }
    }
}
