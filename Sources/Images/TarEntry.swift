internal import LinuxSys

/// One member of a tar archive with everything that its headers say together.
struct TarEntry: Equatable {
    enum Kind: Equatable {
        case file, hardLink, symlink, characterDevice, blockDevice, directory, fifo
    }
    var kind: Kind
    /// As written: may be absolute, hold `..`, and end in a slash.
    var path: [UInt8]
    /// Of a symbolic link its text, of a hard link the path of another member.
    var linkTarget: [UInt8] = []
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var modify: FileTime
    /// Nil: as `modify`.
    var access: FileTime?
    /// Bytes of the file once it is unpacked.
    var size: UInt64 = 0
    var major: UInt32 = 0
    var minor: UInt32 = 0
    var attributes: [ExtendedAttribute] = []
    /// Where the stored bytes belong; nil: in one piece from the start.
    var parts: [SparsePart]?

    /// For messages.
    var shownPath: String { TarEntry.shown(path) }

    /// Bytes of an archive on one line: what is not printable ASCII is escaped.
    static func shown(_ bytes: some Collection<UInt8>) -> String {
        var text = ""
        for byte in bytes.prefix(300) {
            if (0x20..<0x7f).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return bytes.count > 300 ? text + "…" : text
    }
}

/// A run of bytes of a sparse file; between runs there are holes.
struct SparsePart: Equatable {
    var offset: UInt64
    var length: UInt64
}

/// What an archive may ask of the host.
package struct UnpackLimits: Equatable, Sendable {
    /// Members of one layer.
    package var entries = 4_000_000
    /// Bytes of one file, holes included.
    package var fileSize: UInt64 = 1 << 40
    /// Bytes of one uncompressed layer.
    package var layerSize: UInt64 = 1 << 38
    /// Bytes of one path.
    package var pathLength = 4095
    /// Directories above one entry.
    package var depth = 256
    /// Bytes of all extended headers of one entry.
    package var headerSize = 1 << 20
    /// Runs of one sparse file.
    package var sparseParts = 1_000_000
    /// Layers of one image; overlayfs takes at most 500.
    package var layers = 500
    package init() {}
}
