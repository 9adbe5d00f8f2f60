internal import CLinux

/// Loads a BPF program that decides about devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE) and attaches it to a v2 cgroup directory.
package func attachDeviceProgram(_ instructions: [UInt64], to directory: borrowing FD, name: String) throws(SysError) {
    let program = FD(
        owning: try check(unsafe clx_bpf_load_device(instructions, Int32(instructions.count)), "load the device program for", on: name))
    try check(clx_bpf_attach_device(directory.raw, program.raw), "attach the device program to", on: name)
}
