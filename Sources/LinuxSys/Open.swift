internal import CLinux
import Glibc

/// How a path is looked up by openat2(2).
package struct Resolve: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In place: the standard library's way is generic, and its first use costs a short-lived command more than all its literals.
    package init(arrayLiteral flags: Self...) {
        var all: UInt64 = 0
        for flag in flags { all |= flag.rawValue }
        rawValue = all
    }
    /// `/` and `..` and absolute links stay inside the directory, as after a chroot.
    package static let inRoot = Resolve(rawValue: 0x10)
    /// A path that would leave the directory is refused (EXDEV).
    package static let beneath = Resolve(rawValue: 0x08)
    package static let noSymlinks = Resolve(rawValue: 0x04)
    package static let noMagicLinks = Resolve(rawValue: 0x02)
    package static let noMountCrossing = Resolve(rawValue: 0x01)
    /// What is there and no link to anything: `beneath` and `noSymlinks`.
    package static let plain = Resolve(rawValue: 0x0c)
    /// As a process sees it whose root the directory is: `inRoot` and `noMagicLinks`.
    package static let asRoot = Resolve(rawValue: 0x12)
}

extension FD {
    /// Opens an ordinary path, as open(2) does; close-on-exec always.
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(SysError) -> FD {
        FD(owning: try checkErrno("open", on: path) { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Opens `path` relative to the working directory under the rules of `resolve`.
    package static func open(_ path: String, _ flags: Int32, resolve: Resolve) throws(SysError) -> FD {
        try open(path, below: AT_FDCWD, flags, mode: 0, resolve)
    }

    /// Opens `path` relative to this directory under the rules of `resolve`. O_PATH descriptors may be had with `flags`.
    package func open(_ path: String, _ flags: Int32, mode: UInt32 = 0, resolve: Resolve) throws(SysError) -> FD {
        try Self.open(path, below: raw, flags, mode: mode, resolve)
    }

    private static func open(
        _ path: String, below directory: Int32, _ flags: Int32, mode: UInt32, _ resolve: Resolve
    ) throws(SysError) -> FD {
        let wanted = UInt64(UInt32(bitPattern: flags))
        while true {
            let result = unsafe clx_openat2(directory, path, wanted, UInt64(mode), resolve.rawValue)
            // EAGAIN: a rename raced with a `..` inside the root; openat2(2) asks for another try.
            if result == -EAGAIN || result == -EINTR { continue }
            return FD(owning: try check(result, "openat2", on: path))
        }
    }
}

/// `O_PATH`, which glibc shows only under _GNU_SOURCE.
package let openPathOnly: Int32 = 0o10000000
