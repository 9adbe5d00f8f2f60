import Glibc
internal import LinuxSys
internal import OCI

/// What is read from a bundle directory.
enum Bundle {
    static func spec(_ bundle: String) throws(ExecutorFailure) -> RuntimeSpec {
        try check(bundle)
        return try read("\(bundle)/config.json")
    }

    /// Told apart from a bundle without a configuration.
    static func check(_ bundle: String) throws(ExecutorFailure) {
        do { _ = try FD.open(bundle, openPathOnly | O_DIRECTORY) } catch {
            throw ExecutorFailure(SysError(error.errno, ExecutorFailure.openBundle, on: bundle))
        }
    }

    /// Of a container that was created before.
    static func spec(_ container: ContainerReference) throws(ExecutorFailure) -> RuntimeSpec {
        try read("\(container.bundle)/config.json")
    }

    private static func read(_ path: String) throws(ExecutorFailure) -> RuntimeSpec {
        let bytes = try sys { () throws(SysError) in try FD.open(path, O_RDONLY | O_NONBLOCK).readAll(limit: SpecError.documentLimit) }
        do { return try RuntimeSpec(json: bytes) } catch { throw ExecutorFailure(operation: "read", subject: path, reason: "\(error)") }
    }

    static func process(_ bytes: [UInt8]) throws(ExecutorFailure) -> ProcessSpec {
        do { return try ProcessSpec(json: bytes) } catch {
            throw ExecutorFailure(operation: "read", subject: "the process to execute", reason: "\(error)")
        }
    }

    /// Absolute and without links, so that a mount made on it is found at the same place afterwards.
    static func rootPath(_ path: String, bundle: String) throws(ExecutorFailure) -> String {
        let joined = path.hasPrefix("/") ? path : "\(bundle)/\(path)"
        let resolved = try sys { () throws(SysError) in try canonicalDirectory(joined) }
        guard resolved != "/" else {
            throw ExecutorFailure(operation: "config.json", subject: "root.path", reason: "the host's root cannot be a rootfs")
        }
        return resolved
    }

    /// What the kernel, or the host's part of the request, does not allow.
    static func checkHost(_ spec: RuntimeSpec, hasRootfsMounts: Bool) throws(ExecutorFailure) {
        if hasRootfsMounts, spec.linux.namespace(.mount) == nil {
            throw ExecutorFailure(
                operation: "config.json", subject: "linux.namespaces", reason: "mounts for the rootfs need a mount namespace")
        }
        guard spec.linux.mountLabel != nil else { return }
        let known = try sys { () throws(SysError) in try FD.open("/proc/filesystems", O_RDONLY).readAll(limit: 1 << 20) }
        // It is there only when SELinux was enabled at boot.
        guard String(decoding: known, as: UTF8.self).contains("selinuxfs") else {
            throw ExecutorFailure(operation: "config.json", subject: "linux.mountLabel", reason: "the kernel has no SELinux")
        }
    }

    static func filter(_ spec: SeccompSpec?) throws(ExecutorFailure) -> SeccompFilter? {
        guard let spec else { return nil }
        do { return try SeccompFilter(spec) } catch {
            throw ExecutorFailure(operation: "config.json", subject: "linux.seccomp", reason: "\(error)")
        }
    }

    /// What the request hands over must be what the process asks for.
    static func checkStreams(_ streams: ProcessStreams, terminal: Bool) throws(ExecutorFailure) {
        switch streams {
        case .terminal where !terminal:
            throw ExecutorFailure(operation: "config.json", subject: "process.terminal", reason: "is false, and a terminal was requested")
        case .descriptors where terminal:
            throw ExecutorFailure(operation: "config.json", subject: "process.terminal", reason: "is true, and no terminal was requested")
        default: return
        }
    }

    /// A connection to the agent of a filter that leaves calls to one; made first, so that nobody runs when there is none.
    static func agent(_ spec: SeccompSpec?) throws(ExecutorFailure) -> FDBox? {
        guard let spec, spec.notifies, let path = spec.listenerPath else { return nil }
        let socket = try sys { () throws(SysError) in try FD.connect(to: path) }
        try sys { () throws(SysError) in try socket.setNonBlocking(false) }
        return FDBox(socket)
    }
}
