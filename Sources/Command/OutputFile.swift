internal import Glibc
internal import LinuxSys

/// Where a command writes an archive: a file that is there as a whole or not at all, or stdout.
struct OutputFile {
    let box: FDBox
    /// For messages.
    let name: String
    private let temporary: String?

    /// `path`: nil or `-` for stdout, which must not be a terminal.
    init(_ path: String?, for operation: String) throws {
        guard let path, path != "-" else {
            guard !RawTerminal.isTerminal(1) else {
                throw CommandFailure(operation, "stdout", "it is a terminal: name a file with --output")
            }
            box = FDBox(try FD.copy(of: 1))
            name = "stdout"
            temporary = nil
            return
        }
        name = path
        let temporary = "\(path).\(getpid()).part"
        box = FDBox(try FD.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644))
        self.temporary = temporary
    }

    /// Writes with `body` and puts the file in its place.
    func write<R>(_ body: (FDBox, String) throws -> R) throws -> R {
        do {
            let result = try body(box, name)
            guard let temporary else { return result }
            try box.fd.sync()
            if unsafe rename(temporary, name) != 0 { throw SysError(errno, "rename", on: name) }
            return result
        } catch {
            if let temporary { unsafe unlink(temporary) }
            throw error
        }
    }
}
