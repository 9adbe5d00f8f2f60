internal import CLinux
import Glibc

/// Whether a descriptor of that number is open and was meant to be handed on: it lives through an exec.
package func isInherited(_ number: Int32) -> Bool {
    let flags = fcntl(number, F_GETFD)
    return flags >= 0 && flags & FD_CLOEXEC == 0
}

extension ProcessControl {
    /// This process gets a signal, which kills it, when the thread that made it ends (prctl(2), PR_SET_PDEATHSIG).
    package static func endWithParent(signal: Int32 = SIGKILL) throws(SysError) {
        try check(clx_prctl(1 /* PR_SET_PDEATHSIG */, UInt(signal), 0, 0, 0), "prctl PR_SET_PDEATHSIG")
    }

    /// Orphans below this process become its children (prctl(2), PR_SET_CHILD_SUBREAPER).
    package static func becomeSubreaper() throws(SysError) {
        try check(clx_prctl(36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0), "prctl PR_SET_CHILD_SUBREAPER")
    }
}

/// A child that has ended and was not reaped yet.
package func endedChild() -> Int32? {
    let pid = clx_ended_child()
    return pid > 0 ? pid : nil
}

package func reapChild(_ pid: Int32) { clx_reap_child(pid) }

/// Reaps every child that has ended but the one of that pid, whose status somebody still wants.
package func reapOthers(than pid: Int32) { clx_reap_others(pid) }
