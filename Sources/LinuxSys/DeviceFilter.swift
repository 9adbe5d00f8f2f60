internal import CLinux

/// Loads a BPF program that decides about devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE) and attaches it to a v2 cgroup directory,
/// in the place of one that was attached there by this call before. Programs of others stay beside it: each of them can refuse.
///
/// At every moment the old program or the new one is asked, or both.
package func attachDeviceProgram(_ instructions: [UInt64], to directory: borrowing FD, name: String) throws(SysError) {
    let program = FD(
        owning: try check(unsafe clx_bpf_load_device(instructions, Int32(instructions.count)), "load the device program for", on: name))
    let old = try ownPrograms(of: directory, name: name)
    var left = old[...]
    if let first = left.first, clx_bpf_attach_device(directory.raw, program.raw, first.raw) == 0 {
        left.removeFirst()
    } else {
        try check(clx_bpf_attach_device(directory.raw, program.raw, -1), "attach the device program to", on: name)
    }
    for program in left { try check(clx_bpf_detach_device(directory.raw, program.raw), "detach the old device program from", on: name) }
}

/// Those that this software attached, by their name.
private func ownPrograms(of directory: borrowing FD, name: String) throws(SysError) -> [FDBox] {
    var ids = [UInt32](repeating: 0, count: 64)
    let count = try check(unsafe clx_bpf_device_programs(directory.raw, &ids, Int32(ids.count)), "list device programs of", on: name)
    return ids.prefix(Int(count)).compactMap { id in
        let program = clx_bpf_open_own(id)
        return program < 0 ? nil : FDBox(FD(owning: program))
    }
}
