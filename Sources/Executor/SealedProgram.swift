import Glibc
package import LinuxSys

/// The runtime's own binary, out of a container's reach (CVE-2019-5736).
///
/// A process of the runtime that enters a container is to be seen there, and /proc/PID/exe leads to its file. A program
/// `#!/proc/self/exe`, for one, makes the container execute it, after which it could be opened for writing. So the
/// runtime first executes itself again from a detached, read-only mount of its binary, which exists in no mount
/// namespace and which nobody can make writable again; where such a mount cannot be had, from a sealed copy in memory.
///
/// On a crash the Swift runtime would run the program `swift-backtrace` that it found beside its own when it started. Beside a detached
/// file is the working directory: of the caller, and in what enters a container by then the container's. So these programs are linked
/// without that part of it (CRuntime).
package enum SealedProgram {
    /// Returns when this process already runs from such a file (or from a read-only file system); otherwise it only
    /// returns by throwing. To be called first thing by every program that clones executors.
    package static func ensure(arguments: [String]) throws(SysError) {
        if beganSealed { return }
        let own = try FD.open("/proc/self/exe", O_RDONLY)
        if try own.fileSystem().isReadOnly || own.isSealed { return }
        let environment = currentEnvironment()
        let file: FDBox
        do { file = FDBox(try readOnlyMount(own)) } catch {
            // No privilege for mounts, or a kernel before 5.12.
            guard [EPERM, ENOSYS, EINVAL].contains(error.errno) else { throw error }
            file = FDBox(try sealedCopy(own))
        }
        try execute(file.fd, arguments, environment, name: "/proc/self/exe")
    }

    private static func readOnlyMount(_ file: borrowing FD) throws(SysError) -> FD {
        let mount = try file.mountCopy(.single, name: "/proc/self/exe")
        try mount.changeMount(set: .readonly, .single, name: "/proc/self/exe")
        return mount
    }

    private static func sealedCopy(_ file: borrowing FD) throws(SysError) -> FD {
        let copy = try FD.memory("swiftlet")
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        while case .bytes(let count) = try file.read(into: &buffer) { try copy.writeAll(Array(buffer[..<count])) }
        try copy.seal()
        return copy
    }
}
