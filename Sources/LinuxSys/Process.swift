internal import CLinux
import Glibc

/// How a process ended, as waitid(2) tells.
package enum ExitStatus: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)

    /// The number an orchestrator sees: the code, or 128 + signal.
    package var number: UInt32 {
        switch self {
        case .code(let code): UInt32(bitPattern: code) & 0xff
        case .signal(let signal): 128 + UInt32(bitPattern: signal)
        }
    }
}

/// Which side of a clone this is.
package enum CloneSide: ~Copyable {
    case child
    case parent(pid: Int32, pidfd: FD)
}

/// CLONE_* bits of clone(2).
package struct CloneFlags: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In place: the standard library's way is generic, and its first use costs a short-lived command more than all its literals.
    package init(arrayLiteral flags: Self...) {
        var all: UInt64 = 0
        for flag in flags { all |= flag.rawValue }
        rawValue = all
    }
    package static let parent = CloneFlags(rawValue: 0x8000)
    package static let newTime = CloneFlags(rawValue: 0x80)
    package static let newMount = CloneFlags(rawValue: 0x20000)
    package static let newCgroup = CloneFlags(rawValue: 0x0200_0000)
    package static let newUTS = CloneFlags(rawValue: 0x0400_0000)
    package static let newIPC = CloneFlags(rawValue: 0x0800_0000)
    package static let newUser = CloneFlags(rawValue: 0x1000_0000)
    package static let newPID = CloneFlags(rawValue: 0x2000_0000)
    package static let newNetwork = CloneFlags(rawValue: 0x4000_0000)
}

/// Forks this process (which has one thread), with new namespaces as `flags` say.
///
/// With `.parent` the new process is a child of this process' parent, which alone can reap it.
/// `cgroup`: a v2 cgroup directory to be born in (CLONE_INTO_CGROUP).
package func cloneProcess(_ flags: CloneFlags = [], cgroup: Int32 = -1) throws(SysError) -> CloneSide {
    var pidfd: Int32 = -1
    let signal = flags.contains(.parent) ? 0 : SIGCHLD
    let pid = try check(unsafe clx_clone(flags.rawValue, signal, &pidfd, cgroup), "clone3")
    return pid == 0 ? .child : .parent(pid: pid, pidfd: FD(owning: pidfd))
}

/// Ends this process at once; no handler runs.
package func exitNow(_ status: Int32) -> Never { clx_exit(status) }

extension FD {
    package static func pidfd(of pid: Int32) throws(SysError) -> FD {
        FD(owning: try check(clx_pidfd_open(pid, 0), "pidfd_open", on: "\(pid)"))
    }

    /// This descriptor is a pidfd: sends a signal to just that process.
    package func signalProcess(_ signal: Int32) throws(SysError) {
        try check(clx_pidfd_send_signal(raw, signal), "pidfd_send_signal", on: "signal \(signal)")
    }

    /// This descriptor is a pidfd of a child: reaps it. Nil when `blocking` is false and it still runs.
    package func reap(blocking: Bool) throws(SysError) -> ExitStatus? {
        var code: Int32 = 0
        var status: Int32 = 0
        while true {
            let result = unsafe clx_wait_pidfd(raw, blocking ? 0 : 1, &code, &status)
            if result == -EINTR { continue }
            guard try check(result, "waitid") == 1 else { return nil }
            return code == 1 /* CLD_EXITED */ ? .code(status) : .signal(status)
        }
    }
}

/// setns(2): joins the namespace `fd` (a namespace file, or a pidfd with several kinds).
package func joinNamespace(_ fd: borrowing FD, _ kinds: CloneFlags, name: String) throws(SysError) {
    try check(clx_setns(fd.raw, kinds.rawValue), "setns", on: name)
}

extension FD {
    /// Which kind of namespace this file stands for (ioctl_nsfs(2)); nil when it is no namespace's.
    package func namespaceKind() throws(SysError) -> CloneFlags? {
        let result = clx_namespace_kind(raw)
        if result == -ENOTTY { return nil }
        return CloneFlags(rawValue: UInt64(try check(result, "ioctl NS_GET_NSTYPE")))
    }
}

package func unshareNamespaces(_ kinds: CloneFlags, name: String) throws(SysError) {
    try check(clx_unshare(kinds.rawValue), "unshare", on: name)
}

/// Default dispositions, nothing blocked: what a program expects to be born with.
package func resetSignals() throws(SysError) { try check(clx_reset_signals(), "sigprocmask") }

/// execve(2). Returns only by throwing.
package func execute(_ path: String, _ arguments: [String], _ environment: [String]) throws(SysError) -> Never {
    var result: Int32 = 0
    unsafe withCStrings(arguments) { argv in
        unsafe withCStrings(environment) { envp in
            result = unsafe clx_execve(path, argv, envp)
        }
    }
    throw SysError(-result, "exec", on: path)
}

/// Lends `strings` as a null-ended array of C strings.
func withCStrings(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Void) {
    // No array: to make the type of one of pointers takes the runtime longer than all of the rest.
    unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: strings.count + 1) { list in
        for (place, string) in strings.enumerated() { unsafe list.initializeElement(at: place, to: UnsafePointer(strdup(string))) }
        unsafe list.initializeElement(at: strings.count, to: nil)
        unsafe body(UnsafePointer(list.baseAddress!))
        for place in strings.indices { unsafe free(UnsafeMutablePointer(mutating: list[place])) }
    }
}
