/// Where one standard stream of a process goes, as Create and Exec name it.
package enum StreamTarget: Equatable, Sendable {
    /// /dev/null.
    case none
    case fifo(String)
    /// A file in the CRI format.
    case criFile(String)
    /// The same, and every FIFO of a directory: those who are attached (see AttachTees). Nil: no file.
    case attachedFile(String?, directory: String)
    /// A file with the bytes as they come.
    case rawFile(String)
    /// A program that takes them.
    case program(LoggingProgram)

    /// Empty, an absolute path, or a URI `fifo://`, `cri://`, `file://`, `binary://` with an absolute path. Of the last two the path
    /// may be percent-encoded, and a program has a query, as containerd writes them.
    package init(_ text: String) throws(TaskError) {
        if text.isEmpty {
            self = .none
            return
        }
        guard let mark = Self.schemeEnd(text) else {
            guard text.utf8.first == UInt8(ascii: "/") else { throw .invalid("stdio \(text)", "a path has to be absolute") }
            self = .fifo(text)
            return
        }
        if text.utf8.starts(with: "cri-attach://".utf8) {
            self = try Self.attached(Array(text.utf8.dropFirst(13)), of: text)
            return
        }
        let scheme = String(decoding: text.utf8[..<mark], as: UTF8.self)
        let rest = text.utf8[text.utf8.index(mark, offsetBy: 3)...]
        if scheme == "binary" {
            self = .program(try LoggingProgram(parsing: Array(rest), of: text))
            return
        }
        let raw = String(decoding: rest, as: UTF8.self)
        guard let path = scheme == "file" ? PercentCode.decode(Array(rest)) : raw else {
            throw .invalid("stdio \(text)", "% has to be followed by two hexadecimal digits")
        }
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw .invalid("stdio \(text)", "the path has to be absolute")
        }
        switch scheme {
        case "fifo": self = .fifo(path)
        case "cri": self = .criFile(path)
        case "file": self = .rawFile(path)
        default: throw .unsupported("stdio \(scheme)://")
        }
    }

    /// `cri-attach://LOG?DIRECTORY`, both percent-encoded; LOG may be empty.
    private static func attached(_ rest: [UInt8], of text: String) throws(TaskError) -> StreamTarget {
        let parts = rest.split(separator: UInt8(ascii: "?"), omittingEmptySubsequences: false).map { PercentCode.decode(Array($0)) }
        guard parts.count == 2, let log = parts[0], let directory = parts[1], !(log + directory).utf8.contains(0) else {
            throw .invalid("stdio \(text)", "a path, `?` and a directory are wanted, percent-encoded")
        }
        guard log.isEmpty || log.utf8.first == UInt8(ascii: "/"), directory.utf8.first == UInt8(ascii: "/") else {
            throw .invalid("stdio \(text)", "the paths have to be absolute")
        }
        return .attachedFile(log.isEmpty ? nil : log, directory: directory)
    }

    /// Of `://`.
    private static func schemeEnd(_ text: String) -> String.Index? {
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return bytes[colon...].starts(with: "://".utf8) ? colon : nil
    }
}

/// The three streams of a process as they were asked for.
package struct StreamTargets: Equatable, Sendable {
    package var stdin: StreamTarget
    package var stdout: StreamTarget
    package var stderr: StreamTarget
    package var terminal: Bool

    package init(stdin: String, stdout: String, stderr: String, terminal: Bool) throws(TaskError) {
        self.stdin = try StreamTarget(stdin)
        self.stdout = try StreamTarget(stdout)
        self.stderr = try StreamTarget(stderr)
        self.terminal = terminal
        switch self.stdin {
        case .none, .fifo: break
        case .criFile, .attachedFile, .rawFile, .program: throw .invalid("stdin \(stdin)", "only a FIFO can be read from")
        }
        try checkProgram(stdout: stdout, stderr: stderr)
    }

    /// One program takes both streams, as containerd has it: stdout names it.
    private func checkProgram(stdout: String, stderr: String) throws(TaskError) {
        switch (self.stdout, self.stderr) {
        case (.program, .none): break
        case (.program(let one), .program(let other)) where one == other: break
        case (.program, _): throw .invalid("stderr \(stderr)", "it goes to the program that stdout names")
        case (_, .program): throw .invalid("stderr \(stderr)", "a logging program is named by stdout")
        default: break
        }
    }
}
