package import LinuxSys

/// Why a command did not do what it was asked: printed as one line, `swiftlet: operation subject: reason`.
package struct CommandFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package var operation: String
    package var subject: String
    package var reason: String
    /// What the program exits with.
    package var status: Int32

    package init(_ operation: String, _ subject: String, _ reason: String, status: Int32 = CommandStatus.failed) {
        self.operation = operation
        self.subject = subject
        self.reason = reason
        self.status = status
    }

    package init(_ error: SysError) { self.init(error.operation, error.subject, error.reason) }

    package var description: String { subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)" }

    package func with(status: Int32) -> CommandFailure {
        var copy = self
        copy.status = status
        return copy
    }
}

/// The exit statuses that are swiftlet's own; `run`, `exec` and `start --attach` otherwise hand on the container's.
package enum CommandStatus {
    package static let failed: Int32 = 1
    /// `run`, `exec`: swiftlet or the shim failed, not the program (as docker and podman have it).
    package static let ownFailure: Int32 = 125
    package static let notExecutable: Int32 = 126
    package static let notFound: Int32 = 127

    /// 126 or 127 for what exec(2) said of the program, 125 for everything else.
    package static func ofStartFailure(_ reason: String) -> Int32 {
        let text = reason.lowercased()
        let isAboutProgram = text.hasPrefix("exec ") || text.contains(": exec ") || text.contains("executable")
        guard isAboutProgram else { return ownFailure }
        if ["(enoent)", "no such file or directory", "not found"].contains(where: text.contains) { return notFound }
        if ["(eacces)", "(enoexec)", "(eisdir)", "(eperm)", "permission denied", "exec format error", "is a directory", "not executable"]
            .contains(where: text.contains)
        {
            return notExecutable
        }
        return ownFailure
    }
}

/// An argument that does not say what it should: `--memory 12q: not a size`.
package struct ArgumentFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let value: String
    package let reason: String
    package init(_ value: String, _ reason: String) {
        self.value = value
        self.reason = reason
    }
    package var description: String { "\(value.debugDescription): \(reason)" }
}
