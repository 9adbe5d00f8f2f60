import Glibc
internal import LinuxSys

/// Where a program is, as execvp(3) looks for it, for the user and in the root that this process has now.
struct ProgramSearch {
    private let path: String

    init(environment: [String]) {
        path =
            environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
            ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }

    /// ENOENT: no such command; EACCES: it is there, and may not be executed.
    func find(_ name: String) throws(SysError) -> String {
        if name.contains("/") {
            if let refusal = Self.refusal(name) { throw SysError(refusal, "exec", on: name) }
            return name
        }
        var worst = ENOENT
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = "\(directory.isEmpty ? "." : directory)/\(name)"
            guard let refusal = Self.refusal(candidate) else { return candidate }
            if refusal == EACCES { worst = EACCES }
        }
        throw SysError(worst, "exec", on: worst == ENOENT ? "\(name) (not found in PATH)" : name)
    }

    private static func refusal(_ path: String) -> Int32? {
        do {
            let file = try FD.open(path, openPathOnly)
            if try file.info(name: path).isDirectory { return EACCES }
        } catch { return error.errno == ENOTDIR ? ENOENT : error.errno }
        // With the effective ids, which are what the exec goes by.
        return unsafe faccessat(AT_FDCWD, path, X_OK, 0x200 /* AT_EACCESS */) == 0 ? nil : Glibc.errno
    }
}

/// /etc/passwd of the container: read by descriptor, no NSS (CVE-2019-14271).
enum Passwd {
    /// The home directory of a user; `/` when nothing says.
    static func home(of uid: UInt32, in root: RootDirectory) -> String {
        guard let file = try? root.fd.open("etc/passwd", O_RDONLY | O_NONBLOCK, resolve: .asRoot),
            let info = try? file.info(), info.isRegular,
            let bytes = try? file.readAll(limit: 1 << 20)
        else { return "/" }
        return home(of: uid, listedIn: bytes) ?? "/"
    }

    /// passwd(5): name, password, uid, gid, comment, home, shell. By bytes, as `pathParts` and for its reason.
    static func home(of uid: UInt32, listedIn bytes: [UInt8]) -> String? {
        var at = 0
        while at < bytes.count {
            let line = bytes.word(&at, upTo: bytes.count, UInt8(ascii: "\n"))
            var next = line.lowerBound
            func field() -> Range<Int> { bytes.word(&next, upTo: line.upperBound, UInt8(ascii: ":")) }
            _ = (field(), field())
            let number = field()
            _ = field()
            let comment = field()
            // A line that ends with it has no home.
            guard next > comment.upperBound, UInt32(String(decoding: bytes[number], as: UTF8.self)) == uid else { continue }
            let home = field()
            guard bytes[home].first == UInt8(ascii: "/"), !bytes[home].contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return nil }
            return String(decoding: bytes[home], as: UTF8.self)
        }
        return nil
    }
}
