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
