/// One component of a path as bytes: file names need not be UTF-8. Never empty, `.`, `..`, or with a slash or zero byte in it.
package struct FileName: Hashable, Sendable, CustomStringConvertible {
    /// With the zero byte that C wants at the end.
    let terminated: [UInt8]

    /// Nil when the bytes are no name of an entry.
    package init?(_ bytes: some Collection<UInt8>) { self.init(Array(bytes)[...]) }

    /// The same for bytes in memory, of which an archive has very many.
    package init?(_ bytes: ArraySlice<UInt8>) {
        let count = bytes.count
        guard count > 0, count <= 255 else { return nil }
        var onlyDots = true
        for byte in bytes {
            if byte == 0 || byte == 0x2f { return nil }
            if byte != 0x2e { onlyDots = false }
        }
        if onlyDots, count <= 2 { return nil }
        terminated = unsafe [UInt8](unsafeUninitializedCapacity: count + 1) { room, filled in
            var at = 0
            for byte in bytes {
                unsafe room[at] = byte
                at += 1
            }
            unsafe room[at] = 0
            filled = at + 1
        }
    }

    package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// A name that this program makes itself.
    package init(own text: String) {
        guard let name = FileName(Array(text.utf8)) else { preconditionFailure("`\(text)` is no file name") }
        self = name
    }

    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }

    /// For people: what is not UTF-8 is replaced.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// What fstatat(2) tells of one entry.
package struct FileStatus: Equatable, Sendable {
    package enum Kind: Sendable {
        case file, directory, symlink, characterDevice, blockDevice, fifo, socket
    }
    package let kind: Kind
    /// The permission bits with setuid, setgid and sticky.
    package let mode: UInt32
    package let uid: UInt32, gid: UInt32
    package let size: UInt64
    package let inode: UInt64, device: UInt64, links: UInt64
    package let major: UInt32, minor: UInt32
    package let access: FileTime, modify: FileTime

    /// How overlayfs writes a deleted entry down.
    package var isWhiteout: Bool { kind == .characterDevice && major == 0 && minor == 0 }
}

package struct FileTime: Equatable, Sendable {
    package let seconds: Int64
    package let nanoseconds: UInt32
    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}
