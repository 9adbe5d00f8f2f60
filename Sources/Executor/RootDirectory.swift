import Glibc
internal import LinuxSys

/// A container's root as seen from outside: every path is resolved inside it, by descriptors (openat2(2)), so that no
/// link and no concurrent rename leads out (CVE-2021-30465, CVE-2024-45310).
struct RootDirectory {
    private let box: FDBox
    var fd: FD { _read { yield box.fd } }

    init(_ fd: consuming FD) { box = FDBox(fd) }

    /// An O_PATH descriptor of what is at `path`, links followed inside the root.
    func find(_ path: String) throws(SysError) -> FD { try fd.open(path, openPathOnly, resolve: .asRoot) }

    /// Nil when nothing is there.
    func findIfPresent(_ path: String) throws(SysError) -> FD? {
        do { return try find(path) } catch  where error.errno == ENOENT || error.errno == ENOTDIR { return nil }
    }

    /// The directory at `path`, made with its parents when missing.
    func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(SysError) -> FD {
        do { return try fd.open(path, openPathOnly | O_DIRECTORY, resolve: .asRoot) } catch  where error.errno == ENOENT {
            if let made = try makeLast(of: path, mode) { return made }
            // Step by step then.
        }
        var walk = Walk(root: self, path: path)
        return try walk.directory(mode)
    }

    /// The usual case: all but the last component is there. Nil when it is not, or when something stands in the way.
    private func makeLast(of path: String, _ mode: UInt32) throws(SysError) -> FD? {
        var parts = PathComponents(path).parts
        guard let name = parts.popLast() else { return nil }
        do {
            let parent = try fd.open(parts.isEmpty ? "." : rootedPath(parts), openPathOnly | O_DIRECTORY, resolve: .asRoot)
            try parent.makeDirectory(name, mode: mode)
            return try parent.open(name, openPathOnly | O_DIRECTORY | O_NOFOLLOW, resolve: .plain)
        } catch  where [ENOENT, EEXIST, ELOOP, ENOTDIR].contains(error.errno) { return nil }
    }

    /// The directory at `path`, not one component of which may be a link: /proc, /sys and /dev belong to the image, and
    /// a link there would lead what follows elsewhere (CVE-2019-19921, CVE-2026-41579).
    func makePlainDirectory(_ path: String) throws(SysError) -> FD {
        let parts = PathComponents(path).parts
        do { return try fd.open(String(rootedPath(parts).dropFirst()), openPathOnly | O_DIRECTORY | O_NOFOLLOW, resolve: .plain) } catch {
            // Step by step, to make what is missing and to say what is wrong.
        }
        var current = try fd.open(".", openPathOnly | O_DIRECTORY, resolve: .beneath)
        for name in parts {
            do {
                try current.makeDirectory(name, mode: 0o755)
            } catch  where error.errno == EEXIST {
                // As it should be.
            } catch  where error.errno == EROFS {
                // What is there may do; what is not is told by the open.
            }
            do {
                current = try current.open(name, openPathOnly | O_DIRECTORY | O_NOFOLLOW, resolve: .plain)
            } catch {
                throw SysError(error.errno, "open", on: "\(path) (must be a directory of the rootfs, not a link)")
            }
        }
        return current
    }

    /// The file at `path`, made empty when missing, for something to be bound over.
    func makeFile(_ path: String) throws(SysError) -> FD {
        if let found = try findIfPresent(path) { return found }
        var parts = PathComponents(path).parts
        let name = parts.popLast() ?? ""
        let parent = try makeDirectory(rootedPath(parts))
        do {
            let file = try parent.open(name, O_CREAT | O_EXCL | O_RDONLY, mode: 0o644, resolve: .beneath)
            _ = consume file
        } catch  where error.errno == EEXIST {
            // A link whose target is missing: what it names is made instead.
            var walk = Walk(root: self, path: path)
            return try walk.file()
        }
        return try find(path)
    }
}

/// Goes down a path that may be missing in part, making what is missing: mkdirat(2) on a descriptor of the parent, which
/// was resolved inside the root.
private struct Walk {
    private let root: RootDirectory
    private var done: [String] = []
    private var left: [String]
    private var links = 0

    init(root: RootDirectory, path: String) {
        self.root = root
        left = PathComponents(path).parts.reversed()
    }

    private func open(_ flags: Int32) throws(SysError) -> FD {
        let path = done.isEmpty ? "." : rootedPath(done)
        return try root.fd.open(path, openPathOnly | flags, resolve: .asRoot)
    }

    mutating func directory(_ mode: UInt32) throws(SysError) -> FD {
        while let name = left.popLast() { try step(name, mode) }
        return try open(O_DIRECTORY)
    }

    mutating func file() throws(SysError) -> FD {
        while left.count > 1, let name = left.popLast() { try step(name, 0o755) }
        guard let name = left.first else { return try open(0) }
        let parent = try open(O_DIRECTORY)
        if let target = try? parent.readLink(name) {
            left.removeLast()
            try follow(target, name)
            return try file()
        }
        let made = try parent.open(name, O_CREAT | O_RDONLY | O_NOFOLLOW, mode: 0o644, resolve: .beneath)
        _ = consume made
        done.append(name)
        return try open(0)
    }

    private mutating func step(_ name: String, _ mode: UInt32) throws(SysError) {
        if name == ".." {
            _ = done.popLast()
            return
        }
        done.append(name)
        do {
            _ = try open(O_DIRECTORY)
            return
        } catch  where error.errno == ENOENT {
            done.removeLast()
        }
        let parent = try open(O_DIRECTORY)
        do {
            try parent.makeDirectory(name, mode: mode)
            done.append(name)
        } catch  where error.errno == EEXIST {
            let target: String
            do { target = try parent.readLink(name) } catch  where error.errno == EINVAL {
                // No link any more: whoever put something else there gets it looked at like anything that was there before.
                done.append(name)
                return
            }
            try follow(target, name)
        }
    }

    /// Puts a link's text in the place of its name.
    private mutating func follow(_ target: String, _ name: String) throws(SysError) {
        links += 1
        guard links <= 40 else { throw SysError(ELOOP, "open", on: name) }
        if target.hasPrefix("/") { done = [] }
        for part in target.split(separator: "/").reversed() where part != "." { left.append(String(part)) }
    }
}
