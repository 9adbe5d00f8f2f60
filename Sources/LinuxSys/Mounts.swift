internal import CLinux
import Glibc

/// MOUNT_ATTR_* of mount_setattr(2): what holds for one mount, not for its file system.
package struct MountAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In place: the standard library's way is generic, and its first use costs a short-lived command more than all its literals.
    package init(arrayLiteral flags: Self...) {
        var all: UInt64 = 0
        for flag in flags { all |= flag.rawValue }
        rawValue = all
    }
    package static let readonly = MountAttributes(rawValue: 0x01)
    package static let noSetUID = MountAttributes(rawValue: 0x02)
    package static let noDevices = MountAttributes(rawValue: 0x04)
    package static let noExecute = MountAttributes(rawValue: 0x08)
    package static let noAccessTime = MountAttributes(rawValue: 0x10)
    package static let strictAccessTime = MountAttributes(rawValue: 0x20)
    /// The field that says how access times are kept: to be cleared before another value is set.
    package static let accessTimeMask = MountAttributes(rawValue: 0x70)
    package static let noDirectoryAccessTime = MountAttributes(rawValue: 0x80)
    package static let noSymlinkFollow = MountAttributes(rawValue: 0x20_0000)
    /// Of something to be looked at alone: `readonly`, `noSetUID`, `noDevices` and `noExecute`.
    package static let inert = MountAttributes(rawValue: 0x0f)
}

/// MS_* of mount(2) that name a propagation type.
package enum MountPropagation: UInt64, Sendable {
    case unbindable = 0x20000
    case `private` = 0x40000
    case slave = 0x80000
    case shared = 0x100000
}

/// How much of a tree of mounts is meant.
package enum MountScope: Sendable { case single, recursive }

extension FD {
    /// A detached copy of the mount at `path` (open_tree(2)); it is gone when the descriptor is closed before `attach`.
    package static func mountCopy(of path: String, _ scope: MountScope) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_open_tree(AT_FDCWD, path, 1, scope == .recursive ? 1 : 0), "open_tree", on: path))
    }

    /// A detached copy of what is behind this descriptor.
    package func mountCopy(_ scope: MountScope, name: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_open_tree(raw, "", 1, scope == .recursive ? 1 : 0), "open_tree", on: name))
    }

    /// Puts this (detached) mount onto the place behind `target` (move_mount(2)).
    package func attach(to target: borrowing FD, name: String) throws(SysError) {
        try check(unsafe clx_move_mount(raw, target.raw, ""), "move_mount", on: name)
    }

    /// The same onto the entry `name` of a directory to which nobody else writes.
    package func attach(onto name: String, of directory: borrowing FD) throws(SysError) {
        try check(unsafe clx_move_mount(raw, directory.raw, name), "move_mount", on: name)
    }

    /// mount_setattr(2), Linux 5.12. Throws ENOSYS where the kernel has none.
    package func changeMount(
        set: MountAttributes = [], clear: MountAttributes = [], propagation: MountPropagation? = nil, _ scope: MountScope, name: String
    ) throws(SysError) {
        let recursive: Int32 = scope == .recursive ? 1 : 0
        try check(clx_mount_setattr(raw, recursive, set.rawValue, clear.rawValue, propagation?.rawValue ?? 0), "mount_setattr", on: name)
    }

    /// Ids of this (detached) mount as the user namespace maps them (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12).
    package func mapIDs(by userNamespace: borrowing FD, _ scope: MountScope, name: String) throws(SysError) {
        try check(clx_mount_idmap(raw, scope == .recursive ? 1 : 0, userNamespace.raw), "mount_setattr", on: name)
    }

    /// fstatfs(2) of this descriptor.
    package func fileSystem() throws(SysError) -> FileSystemInfo {
        var magic: UInt64 = 0
        var flags: UInt64 = 0
        try check(unsafe clx_filesystem(raw, &magic, &flags), "fstatfs", on: "descriptor \(raw)")
        return FileSystemInfo(magic: magic, flags: flags)
    }
}

package struct FileSystemInfo: Equatable, Sendable {
    package let magic: UInt64
    /// ST_* of statvfs(3).
    package let flags: UInt64
    package var isReadOnly: Bool { flags & 1 != 0 }
    /// Its files are in memory: no write and no fsync(2) waits for a disk (tmpfs, ramfs; statfs(2)).
    package var isInMemory: Bool { magic == 0x0102_1994 || magic == 0x8584_58f6 }

    package static let procMagic: UInt64 = 0x9fa0
    package static let devptsMagic: UInt64 = 0x1cd1
    package static let sysfsMagic: UInt64 = 0x6265_6572
    package static let cgroup2Magic: UInt64 = 0x6367_7270
}

/// A file system in the making (fsopen(2)): options are set one by one, without the page limit of mount(2).
package struct FileSystemContext: ~Copyable {
    private let fd: FD
    private let type: String

    package init(type: String) throws(SysError) {
        fd = FD(owning: try check(unsafe clx_fsopen(type), "fsopen", on: type))
        self.type = type
    }

    /// One option of the file system. A nil value is a flag.
    package func set(_ key: String, _ value: String?) throws(SysError) {
        let result: Int32 =
            if let value { unsafe clx_fsconfig_set(fd.raw, key, value) } else { unsafe clx_fsconfig_set(fd.raw, key, nil) }
        try explained(result, on: value.map { "\(key)=\($0)" } ?? key)
    }

    /// Makes the file system and a detached mount of it.
    package consuming func mount(_ attributes: MountAttributes) throws(SysError) -> FD {
        try explained(clx_fsconfig_create(fd.raw), on: type)
        return FD(owning: try check(clx_fsmount(fd.raw, UInt32(truncatingIfNeeded: attributes.rawValue)), "fsmount", on: type))
    }

    /// An error carries what the kernel wrote into the context's log.
    private func explained(_ result: Int32, on subject: String) throws(SysError) {
        guard result < 0 else { return }
        var text = [UInt8](repeating: 0, count: 256)
        let count = unsafe text.withUnsafeMutableBytes { unsafe clx_fs_message(fd.raw, $0.baseAddress, $0.count) }
        let note = count > 2 ? " [\(String(decoding: text[2..<count], as: UTF8.self).filter { $0 != "\n" })]" : ""
        throw SysError(-result, "mount \(type)", on: "option \(subject)\(note)")
    }
}

/// mount(2) on a path, for what the descriptor calls cannot do: propagation of `/`, kernels without mount_setattr.
package func mountPath(_ source: String?, on target: String, type: String? = nil, flags: UInt64, data: String? = nil) throws(SysError) {
    let result = unsafe withOptionalCString(source) { source in
        unsafe withOptionalCString(type) { type in
            unsafe withOptionalCString(data) { data in unsafe clx_mount(source, target, type, UInt(flags), data) }
        }
    }
    try check(result, type.map { "mount \($0)" } ?? "mount", on: target)
}

private func withOptionalCString(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Int32) -> Int32 {
    guard let text else { return body(nil) }
    return unsafe text.withCString(body)
}

/// MS_* of mount(2).
package enum MountFlag {
    package static let readonly: UInt64 = 0x1
    package static let noSetUID: UInt64 = 0x2
    package static let noDevices: UInt64 = 0x4
    package static let noExecute: UInt64 = 0x8
    package static let synchronous: UInt64 = 0x10
    package static let remount: UInt64 = 0x20
    package static let mandatoryLocks: UInt64 = 0x40
    package static let synchronousDirectories: UInt64 = 0x80
    package static let noSymlinkFollow: UInt64 = 0x100
    package static let noAccessTime: UInt64 = 0x400
    package static let noDirectoryAccessTime: UInt64 = 0x800
    package static let bind: UInt64 = 0x1000
    package static let move: UInt64 = 0x2000
    package static let recursive: UInt64 = 0x4000
    package static let relativeAccessTime: UInt64 = 0x20_0000
    package static let inodeVersion: UInt64 = 0x80_0000
    package static let strictAccessTime: UInt64 = 0x100_0000
    package static let lazyTime: UInt64 = 0x200_0000
}

/// umount2(2) with MNT_DETACH.
package func detachMount(_ path: String) throws(SysError) { try check(unsafe clx_umount(path, 2), "umount", on: path) }

package func pivotRoot(_ newRoot: String, _ oldRoot: String) throws(SysError) {
    try check(unsafe clx_pivot_root(newRoot, oldRoot), "pivot_root", on: newRoot)
}

package func changeRoot(_ path: String) throws(SysError) { try check(unsafe clx_chroot(path), "chroot", on: path) }

/// A path of /proc/PID/mountinfo as it is: space, tab, newline and backslash are written there as octal (proc(5)).
package func mountTableText(_ text: ArraySlice<UInt8>) -> String {
    guard text.contains(UInt8(ascii: "\\")) else { return String(decoding: text, as: UTF8.self) }
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\\"), rest.count >= 3, let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
            result.append(code)
            rest = rest.dropFirst(3)
        } else {
            result.append(byte)
        }
    }
    return String(decoding: result, as: UTF8.self)
}
