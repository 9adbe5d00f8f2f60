import Glibc

extension FD {
    /// How many directories are held open at once; what lies deeper is first moved up.
    private static let mostOpen = 64

    /// Removes the entry and everything in it, following nothing and leaving other mounts alone. Fine when it is not there.
    ///
    /// A container may have nested directories without end, so this must not hold a descriptor or a stack frame for each.
    package func removeTree(_ name: FileName) throws(SysError) {
        guard let status = try status(of: name) else { return }
        guard status.kind == .directory else {
            try removeEntry(name, isDirectory: false)
            return
        }
        do {
            let top = try openEntry(name, O_RDONLY | O_DIRECTORY, further: .noMountCrossing)
            var moved = 0
            var rest = try top.entries()
            while !rest.isEmpty {
                for entry in rest { try top.removeShallow(entry, depth: 0, top: top, moved: &moved) }
                rest = try top.entries()
            }
        }
        try removeEntry(name, isDirectory: true)
    }

    private func removeShallow(_ name: FileName, depth: Int, top: borrowing FD, moved: inout Int) throws(SysError) {
        guard let status = try status(of: name) else { return }
        guard status.kind == .directory else {
            try removeEntry(name, isDirectory: false)
            return
        }
        guard depth < Self.mostOpen else {
            while true {
                moved += 1
                do {
                    return try rename(name, in: top, to: FileName(own: ".deep-\(moved)"), replacing: false)
                } catch  where error.errno == EEXIST {
                    continue
                }
            }
        }
        do {
            let directory = try openEntry(name, O_RDONLY | O_DIRECTORY, further: .noMountCrossing)
            for entry in try directory.entries() { try directory.removeShallow(entry, depth: depth + 1, top: top, moved: &moved) }
        }
        try removeEntry(name, isDirectory: true)
    }
}
