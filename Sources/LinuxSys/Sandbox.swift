internal import CLinux
import Glibc

/// Namespaces that several containers share: each is bound over a file, and lives without a process. Only a pid namespace has one,
/// its first, and a new user namespace owns all the others.
package struct SharedNamespaces: Equatable, Sendable {
    package enum Kind: String, Sendable { case network = "net", ipc = "ipc", uts = "uts", user = "user", pid = "pid" }

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

    package struct Maps: Equatable, Sendable {
        package var uids: String
        package var gids: String
        package init(uids: String = "", gids: String = "") {
            self.uids = uids
            self.gids = gids
        }
    }

    package var pins: [Pin]
    /// Set in a new uts namespace.
    package var hostname: String
    package var sysctls: [Sysctl]
    /// Lines of uid_map and gid_map of a new user namespace (user_namespaces(7)); empty: none is made.
    package var users = Maps()
    /// Of the program whose built-in init is the first process of a new pid namespace; empty: none is made.
    package var holder = ""

    package init(pins: [Pin], hostname: String, sysctls: [Sysctl]) {
        self.pins = pins
        self.hostname = hostname
        self.sysctls = sysctls
    }

    /// Makes them, with the loopback interface up. When it throws nothing stays pinned. Returns the pid namespace's first process, or 0.
    package func make() throws(SysError) -> Int32 {
        var step: Int32 = 0
        var index = 0
        var result: Int32 = 0
        var pid: Int32 = 0
        let program = try holder.isEmpty ? nil : FDBox(Self.outOfReach(holder))
        let isAside = program != nil || !users.uids.isEmpty
        unsafe withCStrings(pins.map(\.kind.rawValue)) { kinds in
            unsafe withCStrings(pins.map(\.path)) { paths in
                unsafe withCStrings(sysctls.map(\.path)) { names in
                    unsafe withCStrings(sysctls.map(\.value)) { values in
                        result =
                            isAside
                            ? unsafe clx_sandbox_make_aside(
                                kinds, paths, pins.count, hostname, names, values, sysctls.count, users.uids.isEmpty ? nil : users.uids,
                                users.uids.isEmpty ? nil : users.gids, program?.raw ?? -1, &step, &index, &pid)
                            : unsafe clx_sandbox_make(
                                kinds, paths, pins.count, hostname, names, values, sysctls.count, &step, &index)
                    }
                }
            }
        }
        withExtendedLifetime(program) {}
        guard result < 0 else { return pid }
        for pin in pins { _ = unsafe clx_sandbox_unmount(pin.path) }
        throw failure(-result, step, index)
    }

    /// Containers see the first process of their pid namespace: its file is to be had for reading only (CVE-2019-5736).
    private static func outOfReach(_ program: String) throws(SysError) -> FD {
        let copy = try FD.mountCopy(of: program, .single)
        try copy.changeMount(set: .readonly, .single, name: program)
        return copy
    }

    private func failure(_ code: Int32, _ step: Int32, _ index: Int) -> SysError {
        switch UInt32(step) {
        case CLX_SANDBOX_THREAD.rawValue: SysError(code, "start thread")
        case CLX_SANDBOX_UNSHARE.rawValue: SysError(code, "unshare", on: pins.map(\.kind.rawValue).joined(separator: ","))
        case CLX_SANDBOX_LOOPBACK.rawValue: SysError(code, "set up", on: "lo")
        case CLX_SANDBOX_HOSTNAME.rawValue: SysError(code, "sethostname", on: hostname)
        case CLX_SANDBOX_USER.rawValue: SysError(code, "make user namespace with", on: Self.oneLine(users.uids))
        case CLX_SANDBOX_HOLDER.rawValue: SysError(code, "start the first process of the pod,", on: holder)
        case CLX_SANDBOX_SYSCTL.rawValue: SysError(code, "set sysctl", on: sysctls[index].name)
        default: SysError(code, "pin namespace", on: pins[index].path)
        }
    }

    private static func oneLine(_ text: String) -> String { text.split(separator: "\n").joined(separator: ", ") }
}

/// The first process of a pinned pid namespace, as a number that may have come to mean another process.
package struct PodHolder: Sendable {
    private let pid: Int32
    private let pin: String

    package init(pid: Int32, pin: String) {
        self.pid = pid
        self.pin = pin
    }

    /// The process, if it still is that one: it is in the pinned namespace.
    private func find() throws(SysError) -> FD? {
        do throws(SysError) {
            let process = try FD.pidfd(of: pid)
            let own = try FD.open("/proc/\(pid)/ns/pid", openPathOnly).info()
            let isOurs = try own.isSameFile(as: FD.open(pin, openPathOnly).info())
            if isOurs { return process }
            return nil
        } catch {
            guard [ESRCH, ENOENT].contains(error.errno) else { throw error }
            return nil
        }
    }

    package var isAlive: Bool {
        guard let process = try? find() else { return false }
        do throws(SysError) { try process.signalProcess(0) } catch { return false }
        // What has ended and is not waited for is still there.
        return !process.becomesReadable(within: 0)
    }

    /// Kills it, and with it everything in its namespace, and waits until it has ended. Fine when it has.
    package func end() throws(SysError) {
        guard let process = try find() else { return }
        do throws(SysError) { try process.signalProcess(SIGKILL) } catch { guard error.errno == ESRCH else { throw error } }
        guard process.becomesReadable(within: 10_000) else { throw SysError(ETIMEDOUT, "end the first process of the pod,", on: "\(pid)") }
    }
}

extension FD {
    /// poll(2): a pidfd is readable once its process has ended.
    fileprivate func becomesReadable(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, milliseconds) > 0
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

/// The text of /proc/net/dev in the network namespace that is bound over `path`.
package func networkDevices(of path: String) throws(SysError) -> String {
    var buffer = [CChar](repeating: 0, count: 65_536)
    let count = unsafe clx_sandbox_devices(path, &buffer, buffer.count)
    guard count >= 0 else { throw SysError(Int32(-count), "read network devices of", on: path) }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
