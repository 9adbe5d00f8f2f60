internal import LinuxSys

extension TarReader {
    /// Puts a header and the extended headers before it together, and leaves the reader at the content.
    mutating func entry(_ header: TarHeader, _ extended: ExtendedHeaders) throws(ImageError) -> TarEntry {
        let path = extended.value("GNU.sparse.name") ?? extended.value("path") ?? extended.longName ?? header.name
        try checkText(path, "a path")
        guard !path.isEmpty else { throw damaged("an entry without a name") }
        let kind = try kind(header.type, path)
        var entry = TarEntry(
            kind: kind, path: path, mode: try UInt32(field(header, 100..<108, "mode") & 0o7777),
            uid: try id(header, 108..<116, "uid", extended),
            gid: try id(header, 116..<124, "gid", extended), modify: try time(header, extended))
        if !extended.saysNothing {
            entry.access = extended.holder("atime").time("atime")
            entry.attributes =
                extended.global.attributes.filter { old in !extended.pax.attributes.contains { $0.name == old.name } }
                + extended.pax.attributes
            try addAccessLists(extended, to: &entry)
        }
        switch kind {
        case .hardLink, .symlink:
            entry.linkTarget = extended.value("linkpath") ?? extended.longLink ?? header.linkName
            try checkText(entry.linkTarget, "a link")
            guard !entry.linkTarget.isEmpty else { throw damaged("a link to nothing: \(entry.shownPath)") }
        case .characterDevice, .blockDevice:
            entry.major = try device(header, 329..<337)
            entry.minor = try device(header, 337..<345)
        case .file: try readSize(header, extended, into: &entry)
        case .directory, .fifo: break
        }
        return entry
    }

    private func addAccessLists(_ extended: ExtendedHeaders, to entry: inout TarEntry) throws(ImageError) {
        for (key, name) in [("SCHILY.acl.access", "system.posix_acl_access"), ("SCHILY.acl.default", "system.posix_acl_default")] {
            guard let text = extended.value(key), !entry.attributes.contains(where: { $0.name == name }) else { continue }
            guard let attribute = AccessList.attribute(name, text) else {
                throw unsupported("the access control list `\(TarEntry.shown(text))` of \(entry.shownPath)")
            }
            entry.attributes.append(attribute)
        }
    }

    private func checkText(_ bytes: [UInt8], _ what: String) throws(ImageError) {
        guard bytes.count <= limits.pathLength else { throw tooMuch("\(what) of more than \(limits.pathLength) bytes") }
        guard !bytes.contains(0) else { throw damaged("\(what) with a zero byte in it: \(TarEntry.shown(bytes))") }
    }

    private func kind(_ type: UInt8, _ path: [UInt8]) throws(ImageError) -> TarEntry.Kind {
        switch type {
        // Before ustar a directory was a file whose name ends in a slash.
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): path.last == 0x2f ? .directory : .file
        case UInt8(ascii: "S"): .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symlink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        default: throw unsupported("tar entry type `\(TarEntry.shown([type]))` of \(TarEntry.shown(path))")
        }
    }

    private func field(_ header: TarHeader, _ range: Range<Int>, _ name: String) throws(ImageError) -> Int64 {
        guard let number = header.number(range) else { throw damaged("a header whose \(name) is no number") }
        return number
    }

    private func device(_ header: TarHeader, _ range: Range<Int>) throws(ImageError) -> UInt32 {
        guard let number = UInt32(exactly: try field(header, range, "device number")), number < 1 << 20 else {
            throw damaged("a device number out of range")
        }
        return number
    }

    /// 2^32 - 1 is no id: chown(2) takes it as "leave it alone".
    private func id(_ header: TarHeader, _ range: Range<Int>, _ key: String, _ extended: ExtendedHeaders) throws(ImageError) -> UInt32 {
        let found: UInt64?
        if extended.value(key) != nil {
            found = extended.holder(key).number(key)
        } else {
            found = UInt64(exactly: try field(header, range, key))
        }
        guard let found, let id = UInt32(exactly: found), id != .max else { throw damaged("a \(key) outside 0 … 2^32-2") }
        return id
    }

    private func time(_ header: TarHeader, _ extended: ExtendedHeaders) throws(ImageError) -> FileTime {
        guard extended.value("mtime") != nil else { return FileTime(seconds: try field(header, 136..<148, "mtime"), nanoseconds: 0) }
        guard let time = extended.holder("mtime").time("mtime") else { throw damaged("a pax mtime that is no time") }
        return time
    }

    private mutating func readSize(_ header: TarHeader, _ extended: ExtendedHeaders, into entry: inout TarEntry) throws(ImageError) {
        var stored: UInt64
        if extended.value("size") != nil {
            guard let size = extended.holder("size").number("size") else { throw damaged("a pax size that is no number") }
            stored = size
        } else {
            guard let size = UInt64(exactly: try field(header, 124..<136, "size")) else { throw damaged("a negative size") }
            stored = size
        }
        let padding = Self.padding(stored)
        guard stored <= limits.fileSize else { throw tooMuch("\(entry.shownPath) has \(stored) bytes, more than \(limits.fileSize)") }
        entry.size = stored
        if let sparse = try sparseMap(header, extended, stored: &stored) {
            entry.size = sparse.size
            entry.parts = sparse.parts
            try checkSparse(entry, stored: stored)
        }
        setContent(stored: stored, padding: padding)
    }
}
