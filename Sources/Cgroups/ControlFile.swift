import Glibc
internal import LinuxSys

/// The files of a cgroup: short texts that the kernel makes and takes.
enum ControlFile {
    static func read(_ path: String) throws(CgroupError) -> String { String(decoding: try bytes(path), as: UTF8.self) }

    static func bytes(_ path: String) throws(CgroupError) -> [UInt8] {
        do { return try FD.open(path, O_RDONLY).readAll(limit: 4 << 20) } catch {
            throw .kernel(SysError(error.errno, "read", on: path))
        }
    }

    /// Nil when the file is not there, or its controller has nothing to say (ENODEV: the directory is being removed; EOPNOTSUPP).
    static func readIfPresent(_ path: String) throws(CgroupError) -> String? {
        do { return try read(path) } catch {
            if case .kernel(let failure) = error, [ENOENT, ENODEV, EOPNOTSUPP].contains(failure.errno) { return nil }
            throw error
        }
    }

    /// One write call, as the kernel wants it.
    static func write(_ value: String, to path: String) throws(CgroupError) {
        do {
            // A failed write must not create anything: no O_CREAT, ever.
            let file = try FD.open(path, O_WRONLY)
            _ = try file.write(Array(value.utf8))
        } catch { throw .kernel(SysError(error.errno, "write \(value) to", on: path)) }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Numbers, one a line (cgroup.procs). A process outside this pid namespace is listed as 0 and left out.
    static func processes(_ directory: String) throws(CgroupError) -> [Int32] {
        guard let text = try readIfPresent("\(directory)/cgroup.procs") else { return [] }
        return text.split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
    }
}

/// A file of `name value` lines: `memory.stat`, `cpu.stat`, `memory.events`, `cgroup.events`, …
package struct KeyedValues: Equatable, Sendable {
    package private(set) var values: [String: UInt64] = [:]

    package init() {}

    package init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let number = UInt64(words[1]) { values[String(words[0])] = number }
        }
    }

    /// Zero when the kernel has no such line.
    package subscript(_ name: String) -> UInt64 { values[name] ?? 0 }
}
