import Glibc
internal import LinuxSys

/// One entry in its directory. Each is made under its own name with O_EXCL or its like, so that nothing that an earlier entry
/// planted there is followed; owner comes first, because chown(2) takes setuid bits and capabilities away, and times last.
extension LayerUnpacker {
    mutating func makeDirectory(_ name: FileName, _ parent: OpenDirectory, _ entry: TarEntry) throws(ImageError) {
        let hasMode = parent.isPlain && isMadeWith(entry.mode)
        do {
            try parent.fd.fd.makeDirectory(name, mode: hasMode ? entry.mode : 0o700)
        } catch {
            guard error.errno == EEXIST else { throw .kernel(error) }
            try makeDirectoryOverOther(name, parent, entry)
            if trail[trail.count - 1].path != parent.path + [name] {
                push(FDBox(try kernel { () throws(SysError) in try parent.fd.fd.openDirectory(name) }), name, parent, isPlain: false)
            }
            return try describeLast(entry)
        }
        let directory = FDBox(try kernel { () throws(SysError) in try parent.fd.fd.openDirectory(name) })
        try kernel { () throws(SysError) in
            if !(parent.isPlain && entry.uid == 0 && entry.gid == 0) { try directory.fd.setOwner(uid: entry.uid, gid: entry.gid) }
            if !hasMode { try directory.fd.setMode(entry.mode) }
            try directory.fd.addAttributes(entry)
        }
        push(directory, name, parent, isPlain: isPlain(group: entry.gid, mode: entry.mode))
        trace.described(trail[trail.count - 1].path, by: entry)
    }

    private mutating func makeDirectoryOverOther(_ name: FileName, _ parent: OpenDirectory, _ entry: TarEntry) throws(ImageError) {
        guard let status = try kernel({ () throws(SysError) in try parent.fd.fd.status(of: name) }), status.kind != .directory else {
            return
        }
        if !status.isWhiteout { _ = try kernel { () throws(SysError) in try parent.fd.fd.removeEntry(name, isDirectory: false) } }
        // Either way what the layers below have there was removed by this layer.
        if status.isWhiteout { try replaceWhiteout(name, parent) } else { trace.opaque.insert(parent.path + [name]) }
        try kernel { () throws(SysError) in try parent.fd.fd.makeDirectory(name, mode: 0o700) }
    }

    /// Gives the last directory of the trail, which was there, what its entry says; its times wait until its content is complete.
    mutating func describeLast(_ entry: TarEntry) throws(ImageError) {
        let directory = trail[trail.count - 1].fd
        try kernel { () throws(SysError) in
            for attribute in try directory.fd.attributes() where !attribute.name.hasPrefix(overlayPrefix) && !attribute.isOfHost {
                try directory.fd.removeAttribute(named: attribute.name)
            }
            try directory.fd.setOwner(uid: entry.uid, gid: entry.gid)
            try directory.fd.setMode(entry.mode)
            try directory.fd.addAttributes(entry)
        }
        trail[trail.count - 1].isPlain = isPlain(group: entry.gid, mode: entry.mode)
        trace.described(trail[trail.count - 1].path, by: entry)
    }

    mutating func makeFile<Source>(
        _ name: FileName, _ parent: OpenDirectory, _ entry: TarEntry, _ reader: inout TarReader<Source>
    ) throws(ImageError) {
        try disk.wrote(entry.parts.map { $0.reduce(0) { $0 + $1.length } } ?? entry.size)
        let hasMode = isMadeWith(entry.mode)
        let file = try clearing(name, parent) { () throws(SysError) in
            try parent.fd.fd.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: hasMode ? entry.mode : 0o600)
        }
        try write(&reader, entry, to: file)
        try kernel { () throws(SysError) in
            if !(parent.isPlain && entry.uid == 0 && entry.gid == 0) { try file.setOwner(uid: entry.uid, gid: entry.gid) }
            if !hasMode { try file.setMode(entry.mode) }
            try file.addAttributes(entry)
            try file.setTimes(access: entry.access ?? entry.modify, modify: entry.modify)
        }
    }

    private func write<Source>(_ reader: inout TarReader<Source>, _ entry: TarEntry, to file: borrowing FD) throws(ImageError) {
        guard let parts = entry.parts else {
            var offset: Int64 = 0
            while true {
                let bytes = try reader.content()
                if bytes.isEmpty { return }
                do { try file.writeAll(bytes, at: offset) } catch { throw .kernel(error) }
                offset += Int64(bytes.count)
            }
        }
        do { try file.truncate(to: Int64(entry.size)) } catch { throw .kernel(error) }
        var bytes: ArraySlice<UInt8> = []
        for part in parts {
            var (offset, left) = (part.offset, part.length)
            while left > 0 {
                if bytes.isEmpty { bytes = try reader.content() }
                let piece = bytes.prefix(Int(clamping: left))
                do { try file.writeAll(piece, at: Int64(offset)) } catch { throw .kernel(error) }
                offset += UInt64(piece.count)
                left -= UInt64(piece.count)
                bytes = bytes.dropFirst(piece.count)
            }
        }
    }

    mutating func makeSpecial(_ name: FileName, _ parent: OpenDirectory, _ entry: TarEntry) throws(ImageError) {
        try clearing(name, parent) { () throws(SysError) in
            switch entry.kind {
            case .symlink: try parent.fd.fd.makeSymlink(name, to: entry.linkTarget)
            case .characterDevice: try parent.fd.fd.makeNode(name, .characterDevice, mode: 0o600, major: entry.major, minor: entry.minor)
            case .blockDevice: try parent.fd.fd.makeNode(name, .blockDevice, mode: 0o600, major: entry.major, minor: entry.minor)
            case .fifo: try parent.fd.fd.makeNode(name, .fifo, mode: 0o600)
            case .file, .hardLink, .directory: break
            }
        }
        try kernel { () throws(SysError) in
            if !(parent.isPlain && entry.uid == 0 && entry.gid == 0) {
                try parent.fd.fd.setOwner(of: name, uid: entry.uid, gid: entry.gid)
            }
            if entry.kind != .symlink { try parent.fd.fd.setMode(of: name, entry.mode) }
            for attribute in entry.attributes where !attribute.isOfHost { try parent.fd.fd.setAttribute(of: name, attribute) }
            try parent.fd.fd.setTimes(of: name, access: entry.access ?? entry.modify, modify: entry.modify)
        }
    }

    /// Runs `make`; when the name is taken, takes away what has it and runs `make` again.
    mutating func clearing<T: ~Copyable>(
        _ name: FileName, _ parent: OpenDirectory, _ make: () throws(SysError) -> T
    ) throws(ImageError) -> T {
        do {
            return try make()
        } catch {
            guard error.errno == EEXIST else { throw .kernel(error) }
        }
        guard let status = try kernel({ () throws(SysError) in try parent.fd.fd.status(of: name) }) else {
            throw .kernel(SysError(EEXIST, "create"))
        }
        let path = parent.path + [name]
        if status.kind == .directory { forget(path) }
        trace.whiteouts.remove(path)
        return try kernel { () throws(SysError) in
            try parent.fd.fd.removeTree(name)
            return try make()
        }
    }
}

extension ExtendedAttribute {
    /// Labels of the host that built the image: they mean nothing here, and the runtime sets its own.
    var isOfHost: Bool { name == "security.selinux" || name == "system.nfs4_acl" }
    /// What new entries of a directory inherit: it waits until the layer's own entries are there.
    var isDefaultACL: Bool { name == "system.posix_acl_default" }
}

extension FD {
    /// The extended attributes of an entry, on this file or directory.
    func addAttributes(_ entry: TarEntry) throws(SysError) {
        for attribute in entry.attributes where !attribute.isOfHost && !attribute.isDefaultACL { try setAttribute(attribute) }
    }
}
