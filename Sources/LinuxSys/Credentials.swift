internal import CLinux
import Glibc

/// One bit per capability, in the kernel's order (capabilities(7)).
package struct CapabilitySet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In place: the standard library's way is generic, and its first use costs a short-lived command more than all its literals.
    package init(arrayLiteral flags: Self...) {
        var all: UInt64 = 0
        for flag in flags { all |= flag.rawValue }
        rawValue = all
    }
    package init(number: Int) { rawValue = 1 << UInt64(number) }
    package func contains(number: Int) -> Bool { rawValue >> UInt64(number) & 1 == 1 }
}

package func setGroups(_ groups: [UInt32]) throws(SysError) {
    try check(unsafe clx_setgroups(groups, groups.count), "setgroups", on: groups.map(String.init).joined(separator: ","))
}

/// Real, effective and saved ids alike.
package func setUser(_ uid: UInt32) throws(SysError) { try check(clx_setresuid(uid), "setresuid", on: "\(uid)") }
package func setGroup(_ gid: UInt32) throws(SysError) { try check(clx_setresgid(gid), "setresgid", on: "\(gid)") }

/// capset(2) with an empty inheritable set.
package func setCapabilities(effective: CapabilitySet, permitted: CapabilitySet) throws(SysError) {
    try check(clx_capset(effective.rawValue, permitted.rawValue, 0), "capset")
}

/// capget(2) of this process.
private func heldCapabilities() throws(SysError) -> (effective: UInt64, permitted: UInt64) {
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    try check(unsafe clx_capget(&effective, &permitted, &inheritable), "capget")
    return (effective, permitted)
}

/// The inheritable set becomes `set`, and then the ambient one, which the kernel keeps within it (capabilities(7)). The set must be permitted.
package func raiseAmbient(_ set: CapabilitySet) throws(SysError) {
    let (effective, permitted) = try heldCapabilities()
    let raised = set.rawValue & permitted
    try check(clx_capset(effective, permitted, raised), "capset", on: "inheritable")
    for number in 0..<UInt(64) where raised >> UInt64(number) & 1 == 1 {
        try check(clx_prctl(47 /* PR_CAP_AMBIENT */, 2 /* RAISE */, number, 0, 0), "prctl PR_CAP_AMBIENT", on: "\(number)")
    }
}

/// Whether this process may administer the user namespace that it is in: make mounts and other namespaces, and map ids as it likes
/// (CAP_SYS_ADMIN, capabilities(7)).
package func isAdministrator() throws(SysError) -> Bool {
    try heldCapabilities().effective & 1 << 21 != 0
}

package func permittedCapabilities() throws(SysError) -> CapabilitySet {
    CapabilitySet(rawValue: try heldCapabilities().permitted)
}

/// prctl(2) options that the set-up uses.
package enum ProcessControl {
    /// Whether the bounding set has the capability; nil when the kernel does not know the number.
    package static func boundingSetHas(_ number: Int) -> Bool? {
        let result = clx_prctl(23 /* PR_CAPBSET_READ */, UInt(number), 0, 0, 0)
        return result < 0 ? nil : result == 1
    }

    package static func dropFromBoundingSet(_ number: Int) throws(SysError) {
        try check(clx_prctl(24 /* PR_CAPBSET_DROP */, UInt(number), 0, 0, 0), "prctl PR_CAPBSET_DROP", on: "\(number)")
    }

    /// Permitted capabilities survive the change from uid 0 to another.
    package static func keepCapabilities(_ keep: Bool) throws(SysError) {
        try check(clx_prctl(8 /* PR_SET_KEEPCAPS */, keep ? 1 : 0, 0, 0, 0), "prctl PR_SET_KEEPCAPS")
    }

    package static func clearAmbient() throws(SysError) {
        try check(clx_prctl(47 /* PR_CAP_AMBIENT */, 4 /* CLEAR_ALL */, 0, 0, 0), "prctl PR_CAP_AMBIENT")
    }

    package static func forbidNewPrivileges() throws(SysError) {
        try check(clx_prctl(38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS")
    }

    /// Non-dumpable: /proc/PID of this process belongs to root and nobody may trace it (until the next exec).
    package static func forbidTracing() throws(SysError) {
        try check(clx_prctl(4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE")
    }

    /// Takes that back.
    package static func allowTracing() throws(SysError) {
        try check(clx_prctl(4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0), "prctl PR_SET_DUMPABLE")
    }

    /// The name that ps shows: at most 15 bytes.
    package static func setName(_ name: String) {
        unsafe name.withCString { _ = clx_prctl(15 /* PR_SET_NAME */, UInt(bitPattern: $0), 0, 0, 0) }
    }
}

package func setLimit(of pid: Int32, resource: Int32, soft: UInt64, hard: UInt64, name: String) throws(SysError) {
    try check(clx_set_limit(pid, resource, soft, hard), "setrlimit", on: "\(name) \(soft):\(hard)")
}

/// keyctl(2) JOIN_SESSION_KEYRING. Throws ENOSYS where the kernel has no keys.
package func joinSessionKeyring(_ name: String) throws(SysError) { try check(unsafe clx_join_keyring(name), "keyctl join", on: name) }

package func setHostName(_ name: String) throws(SysError) {
    try check(unsafe clx_sethostname(name, name.utf8.count), "sethostname", on: name)
}

package func setDomainName(_ name: String) throws(SysError) {
    try check(unsafe clx_setdomainname(name, name.utf8.count), "setdomainname", on: name)
}

/// Brings `lo` of this network namespace up.
package func bringLoopbackUp() throws(SysError) { try check(clx_loopback_up(), "ioctl SIOCSIFFLAGS", on: "lo") }

/// A session of its own, without a controlling terminal (setsid(2)).
package func startSession() throws(SysError) { try checkErrno("setsid") { setsid() } }

package func setFileModeMask(_ mask: UInt32) { _ = umask(mask) }

/// Waits for one of up to eight descriptors (poll(2)): the POLL* bits found, in their order. -1 ms waits without end.
package func pollDescriptors(_ watched: [(fd: Int32, events: Int16)], milliseconds: Int32) throws(SysError) -> [Int16] {
    let fds = watched.map(\.fd)
    let events = watched.map(\.events)
    var found = [Int16](repeating: 0, count: watched.count)
    let result = unsafe clx_poll(fds, events, &found, Int32(fds.count), milliseconds)
    if result == -EINTR { return found }
    try check(result, "poll")
    return found
}

/// Which of the descriptors of a list are readable or at their end, by their places.
package struct ReadableDescriptors {
    fileprivate let bits: Int32
    package subscript(place: Int) -> Bool { bits >> Int32(place) & 1 != 0 }
}

/// Waits for one of up to eight descriptors to be readable or at its end (poll(2)). A negative one is never. -1 ms waits without end.
package func pollReadable(_ descriptors: [Int32], milliseconds: Int32) throws(SysError) -> ReadableDescriptors {
    let found = unsafe clx_poll_readable(descriptors, Int32(descriptors.count), milliseconds)
    return ReadableDescriptors(bits: found == -EINTR ? 0 : try check(found, "poll"))
}

/// execveat(2) of the file behind a descriptor. Returns only by throwing.
package func execute(_ file: borrowing FD, _ arguments: [String], _ environment: [String], name: String) throws(SysError) -> Never {
    var result: Int32 = 0
    unsafe withCStrings(arguments) { argv in
        unsafe withCStrings(environment) { envp in
            result = unsafe clx_execveat(file.raw, argv, envp)
        }
    }
    throw SysError(-result, "exec", on: name)
}

/// close_range(2) from `first` on: marks every descriptor close-on-exec.
package func markCloseOnExec(from first: Int32) throws(SysError) { try check(clx_close_range(UInt32(first), .max, 1), "close_range") }

/// Closes every descriptor from 3 on whose number is not in `kept`.
package func closeDescriptors(except kept: [Int32]) throws(SysError) {
    var first: UInt32 = 3
    for number in kept.sorted() where number >= first {
        if UInt32(number) > first { try check(clx_close_range(first, UInt32(number) - 1, 0), "close_range") }
        first = UInt32(number) + 1
    }
    try check(clx_close_range(first, .max, 0), "close_range")
}

/// The process's umask. umask(2) tells it only by changing it, for all threads; so the kernel's page is read (Linux 4.7).
/// Everything is masked where that says nothing.
package func fileModeMask() -> UInt32 {
    guard let text = try? FD.open("/proc/self/status", O_RDONLY).readAll(limit: 65_536) else { return 0o777 }
    for line in text.split(separator: 0x0a) where line.starts(with: Array("Umask:".utf8)) {
        let digits = line.dropFirst(6).filter { $0 >= 0x30 && $0 <= 0x37 }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 8) ?? 0o777
    }
    return 0o777
}
