internal import LinuxSys

/// The FIFOs of one exec, in its container's directory, removed when this goes.
final class ExecStreams: Sendable {
    let paths: StreamPaths
    private let output: OutputRelay
    private let errors: OutputRelay?

    init(in directory: String, _ execID: String, terminal: Bool, stdin: Bool) throws(SysError) {
        let base = "\(directory)/exec-\(execID)"
        let paths = StreamPaths(
            stdin: stdin ? "\(base).in" : "", stdout: "\(base).out", stderr: terminal ? "" : "\(base).err", terminal: terminal)
        self.paths = paths
        do throws(SysError) {
            for path in Self.all(paths) { try Files.makeFIFO(path) }
            output = try OutputRelay(fifo: paths.stdout)
            errors = terminal ? nil : try OutputRelay(fifo: paths.stderr)
        } catch {
            for path in Self.all(paths) { try? Files.remove(path) }
            throw error
        }
    }

    deinit { for path in Self.all(paths) { try? Files.remove(path) } }

    private static func all(_ paths: StreamPaths) -> [String] { [paths.stdin, paths.stdout, paths.stderr].filter { !$0.isEmpty } }

    /// After the shim has opened its end.
    func beginInput(_ ended: @escaping @Sendable () -> Void) throws(SysError) {
        if !paths.stdin.isEmpty { try InputRelay.begin(fifo: paths.stdin, ended) }
    }

    /// Returns after `finish`, when all is copied.
    func copyOutput() async {
        async let first: Void = output.run(to: .output)
        await errors?.run(to: .error)
        await first
    }

    func finish() {
        output.finish()
        errors?.finish()
    }
}
