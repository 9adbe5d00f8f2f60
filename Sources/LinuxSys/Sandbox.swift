internal import CLinux
import Glibc

/// Namespaces that several containers share and that live without a process: each is bound over a file.
package struct SharedNamespaces: Equatable, Sendable {
    package enum Kind: String, Sendable { case network = "net", ipc = "ipc", uts = "uts" }

    /// A kind and the file over which it is bound. The files must exist.
    package struct Pin: Equatable, Sendable {
        package var kind: Kind
        package var path: String
        package init(_ kind: Kind, at path: String) {
            self.kind = kind
            self.path = path
        }
    }

    package struct Sysctl: Equatable, Sendable {
        /// As sysctl(8) takes it: `net.ipv4.ip_forward`, `net/ipv4/conf/eth0.1/forwarding`.
        package var name: String
        package var value: String
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Below /proc/sys. As sysctl(8): whichever separator comes first is the separator.
        var path: String {
            guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "." else { return name }
            return String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
        }
    }

    package var pins: [Pin]
    /// Set in a new uts namespace.
    package var hostname: String
    package var sysctls: [Sysctl]

    package init(pins: [Pin], hostname: String, sysctls: [Sysctl]) {
        self.pins = pins
        self.hostname = hostname
        self.sysctls = sysctls
    }

    /// Makes them, with the loopback interface up. When it throws nothing stays pinned.
    package func make() throws(SysError) {
        var step: Int32 = 0
        var index = 0
        var result: Int32 = 0
        unsafe withCStrings(pins.map(\.kind.rawValue)) { kinds in
            unsafe withCStrings(pins.map(\.path)) { paths in
                unsafe withCStrings(sysctls.map(\.path)) { names in
                    unsafe withCStrings(sysctls.map(\.value)) { values in
                        result = unsafe clx_sandbox_make(kinds, paths, pins.count, hostname, names, values, sysctls.count, &step, &index)
                    }
                }
            }
        }
        guard result < 0 else { return }
        for pin in pins { _ = unsafe clx_sandbox_unmount(pin.path) }
        throw failure(-result, step, index)
    }

    private func failure(_ code: Int32, _ step: Int32, _ index: Int) -> SysError {
        switch UInt32(step) {
        case CLX_SANDBOX_THREAD.rawValue: SysError(code, "start thread")
        case CLX_SANDBOX_UNSHARE.rawValue: SysError(code, "unshare", on: pins.map(\.kind.rawValue).joined(separator: ","))
        case CLX_SANDBOX_LOOPBACK.rawValue: SysError(code, "set up", on: "lo")
        case CLX_SANDBOX_HOSTNAME.rawValue: SysError(code, "sethostname", on: hostname)
        case CLX_SANDBOX_SYSCTL.rawValue: SysError(code, "set sysctl", on: sysctls[index].name)
        default: SysError(code, "pin namespace", on: pins[index].path)
        }
    }
}

/// A tmpfs for the shared memory of several containers.
package func mountSharedMemory(at path: String, bytes: UInt64) throws(SysError) {
    try check(unsafe clx_sandbox_shm(path, bytes), "mount tmpfs", on: path)
}

/// Takes the mount at `path` off, also when it is still used. Nothing mounted or nothing there is fine.
package func unmountIfMounted(_ path: String) throws(SysError) {
    let result = unsafe clx_sandbox_unmount(path)
    guard result < 0, result != -EINVAL, result != -ENOENT else { return }
    throw SysError(-result, "umount", on: path)
}

extension SharedNamespaces {
    /// True when a namespace is bound over the file.
    package static func isPinned(at path: String) -> Bool {
        guard let file = try? FD.open(path, openPathOnly) else { return false }
        var magic: UInt64 = 0
        var flags: UInt64 = 0
        // NSFS_MAGIC
        return unsafe clx_filesystem(file.raw, &magic, &flags) >= 0 && magic == 0x6e73_6673
    }
}
