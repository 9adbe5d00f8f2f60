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
        for line in bytes.split(separator: 0x0a) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 6, UInt32(String(decoding: fields[2], as: UTF8.self)) == uid else { continue }
            let home = fields[5]
            guard home.first == UInt8(ascii: "/"), !home.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return "/" }
            return String(decoding: home, as: UTF8.self)
        }
        return "/"
    }
}
