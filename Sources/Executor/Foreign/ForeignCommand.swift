import Glibc
internal import LinuxSys
internal import OCI

/// One run of another OCI runtime as a child of the executor, which it does not outlive. What goes wrong is read from its log.
struct ForeignCommand {
    let runtime: ForeignRuntime
    let options: ExecutorOptions
    /// Where its log and other files of the moment are.
    let bundle: String

    /// Descriptors of the executor for the standard streams; nil: /dev/null.
    typealias Streams = (stdin: Int32?, stdout: Int32?, stderr: Int32?)

    /// - Parameter words: the verb, its options and arguments.
    func run(_ words: [String], id: String, streams: Streams = (nil, nil, nil)) throws(ExecutorFailure) {
        let program = try sys { () throws(SysError) in try ProgramSearch(environment: currentEnvironment()).find(runtime.program) }
        let log = temporary("log")
        defer { removeFile(log) }
        var line = [program, "--root", runtime.root, "--log", log, "--log-format", "json"]
        if options.systemdCgroup { line.append("--systemd-cgroup") }
        // What it says without a log: on its own standard error when that is nobody else's.
        let said = try sys { () throws(SysError) in FDBox(try FD.memory("runtime")) }
        let status = try sys { () throws(SysError) in try spawn(program, line + words, streams, said) }
        guard status != .code(0) else { return }
        let reason = lastError(log) ?? lastLine(said) ?? "it ended with status \(status.number)"
        throw ExecutorFailure(operation: "\(runtime.program) \(words[0])", subject: id, reason: reason)
    }

    /// A name in the bundle that only this process uses.
    func temporary(_ kind: String) -> String { "\(bundle)/.\(kind).\(getpid())" }

    private func spawn(_ program: String, _ line: [String], _ streams: Streams, _ said: FDBox) throws(SysError) -> ExitStatus {
        let side = try cloneProcess()
        switch consume side {
        case .parent(_, let pidfd): return try pidfd.reap(blocking: true) ?? .code(255)
        case .child:
            do throws(SysError) {
                try ProcessControl.endWithParent()
                let null = FDBox(try FD.open("/dev/null", O_RDWR))
                // Out of the way first: a number that is a source still must not be overwritten.
                var high: [FDBox] = []
                for number in [streams.stdin ?? null.raw, streams.stdout ?? null.raw, streams.stderr ?? said.raw] {
                    high.append(FDBox(try FD.copy(of: number).duplicate(from: 64)))
                }
                for (number, box) in high.enumerated() { try box.fd.place(at: Int32(number)) }
                try markCloseOnExec(from: 3)
                try resetSignals()
                try execute(program, line, currentEnvironment())
            } catch {
                _ = try? said.fd.writeAll(Array(error.description.utf8))
                exitNow(127)
            }
        }
    }

    /// The last line of the log that is an error: `msg` as runc and crun write it, `fields.message` as youki does.
    private func lastError(_ path: String) -> String? {
        guard let bytes = try? FD.open(path, O_RDONLY | O_NOFOLLOW).readAll(limit: 16 << 20) else { return nil }
        return Self.lastError(in: bytes)
    }

    static func lastError(in log: [UInt8]) -> String? {
        for line in log.split(separator: 0x0a).reversed() {
            guard let entry = try? JSON(parsing: Array(line)), let level = entry["level"]?.string else { continue }
            guard ["error", "fatal", "panic"].contains(level.lowercased()) else { continue }
            return entry["msg"]?.string ?? entry["fields"]?["message"]?.string
        }
        return nil
    }

    private func lastLine(_ said: FDBox) -> String? {
        _ = lseek(said.raw, 0, SEEK_SET)
        guard let bytes = try? said.fd.readAll(limit: 1 << 20) else { return nil }
        return bytes.split(separator: 0x0a).last.map { String(decoding: $0.prefix(4096), as: UTF8.self) }
    }
}

func removeFile(_ path: String) { _ = unsafe unlink(path) }
