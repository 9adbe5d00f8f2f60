internal import CLinux

extension FD {
    /// A file without a name, in memory (memfd_create(2)).
    package static func anonymousFile(_ name: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_anonymous_file(name), "memfd_create", on: name))
    }
}

/// Puts a filter of system calls on this thread, for good (seccomp(2)). `program` is classic BPF in the machine's own byte order.
package func loadSeccompFilter(_ program: [UInt8], flags: UInt32) throws(SysError) {
    try check(unsafe clx_seccomp_load(program, program.count, flags), "load seccomp filter")
}

/// The same, with a listener for the calls that an agent decides on: it goes over `socket` (a connected, blocking stream) with `text`.
///
/// The agent has it when this returns, whatever the filter does to this thread from then on.
package func loadSeccompFilter(_ program: [UInt8], flags: UInt32, listenerTo socket: borrowing FD, with text: [UInt8]) throws(SysError) {
    var isSent: Int32 = 0
    let result = unsafe clx_seccomp_load_notifying(program, program.count, flags, socket.raw, text, text.count, &isSent)
    try check(result, isSent == 0 ? "load seccomp filter" : "send the seccomp listener")
}

extension FD {
    /// This descriptor is a seccomp listener: waits for one call and answers it, with an errno or, when that is 0, a value.
    /// Returns the number of the call.
    package func answerCall(errno: Int32, value: Int64 = 0) throws(SysError) -> Int32 {
        var call: Int32 = 0
        try check(unsafe clx_seccomp_answer(raw, errno, value, &call), "answer a system call")
        return call
    }
}
