internal import Glibc
internal import LinuxSys
internal import OCI

/// The `process` object for an exec: the container's own, from its bundle, with what the person wants otherwise.
struct ExecProcess {
    var arguments: [String] = []
    var environment = EnvironmentList()
    var terminal = false
    var workingDirectory: String?
    private var process: JSONObject
    private let container: Container
    private let pid: UInt32

    init(_ container: Container, pid: UInt32) throws {
        self.container = container
        self.pid = pid
        let path = "\(container.directory)/config.json"
        let document = try JSON(parsing: Files.read(path, limit: 16 << 20))
        guard let process = document["process"]?.object else { throw CommandFailure("read", path, "it has no process") }
        self.process = process
    }

    /// `user`, `uid`, `user:group`, `uid:gid`, by the container's own files. A text of digits is always a number.
    mutating func setUser(_ text: String) throws {
        // The root of the running container, however its mounts have changed; lookups stay inside (RESOLVE_IN_ROOT).
        let root = try FD.open("/proc/\(pid)/root", openPathOnly | O_DIRECTORY)
        let accounts = Accounts(
            passwd: try Self.file("etc/passwd", in: root), group: try Self.file("etc/group", in: root))
        guard !text.isEmpty else { throw ArgumentFailure(text, Self.reason(.malformed(text))) }
        let account: Account
        do { account = try accounts.resolve(text) } catch { throw ArgumentFailure(text, Self.reason(error)) }
        process["user"] = [
            "uid": .integer(Int64(account.uid)), "gid": .integer(Int64(account.gid)),
            "additionalGids": .array(account.groups.map { .integer(Int64($0)) }),
        ]
    }

    private static func reason(_ error: AccountError) -> String {
        switch error {
        case .malformed: "user[:group] expected"
        case .outOfRange: "a number outside 0 … 4294967294"
        case .unknownUser: "no such user in the container"
        case .unknownGroup: "no such group in the container"
        }
    }

    private static func file(_ path: String, in root: borrowing FD) throws(SysError) -> [UInt8] {
        do throws(SysError) {
            return try root.open(path, O_RDONLY | O_NONBLOCK, resolve: .asRoot).readAll(limit: Accounts.sizeLimit)
        } catch  where error.errno == ENOENT || error.errno == ENOTDIR {
            return []
        }
    }

    func json() throws -> JSON {
        var process = process
        process["args"] = .array(arguments.map { .string($0) })
        process["terminal"] = .bool(terminal)
        if let workingDirectory { process["cwd"] = .string(workingDirectory) }
        var variables = EnvironmentList()
        for entry in process["env"]?.array ?? [] { try variables.add(entry.string ?? "", inherited: [:]) }
        for entry in environment.entries { try variables.add(entry, inherited: [:]) }
        if terminal, !variables.entries.contains(where: { $0.hasPrefix("TERM=") }) { try variables.add("TERM=xterm", inherited: [:]) }
        process["env"] = .array(variables.entries.map { .string($0) })
        process["consoleSize"] = nil
        return .object(process)
    }
}
