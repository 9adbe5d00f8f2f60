internal import Glibc
internal import LinuxSys

/// Rows and columns, as TIOCGWINSZ tells (ioctl_tty(2)).
package struct TerminalSize: Equatable, Sendable {
    package let rows: UInt16, columns: UInt16

    /// Nil when `fd` is no terminal, or one that does not know its size.
    static func of(_ fd: Int32) -> TerminalSize? {
        var size = winsize()
        guard unsafe ioctl(fd, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else { return nil }
        return TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }
}

/// The person's terminal passing every byte through (termios(3), raw). It is set back on every way out of the program:
/// when the owner goes, and by atexit for an exit from somewhere else. The signals that would end the program are
/// blocked and handled meanwhile (`SignalQueue`).
final class RawTerminal: Sendable {
    static func isTerminal(_ fd: Int32) -> Bool { isatty(fd) == 1 }

    /// Nil when `fd` is no terminal.
    init?(_ fd: Int32) throws(CommandFailure) {
        guard Self.isTerminal(fd) else { return nil }
        var saved = termios()
        guard unsafe tcgetattr(fd, &saved) == 0 else { throw CommandFailure(SysError(errno, "tcgetattr", on: "descriptor \(fd)")) }
        savedMode.store(saved, for: fd)
        var raw = saved
        unsafe cfmakeraw(&raw)
        guard unsafe tcsetattr(fd, TCSANOW, &raw) == 0 else { throw CommandFailure(SysError(errno, "tcsetattr", on: "descriptor \(fd)")) }
    }

    /// The terminal as it was; twice is once.
    func restore() { savedMode.restore() }

    deinit { savedMode.restore() }
}

/// What `atexit` needs to find: one terminal at most, its mode before.
private final class SavedMode: @unchecked Sendable {
    private var mode: (fd: Int32, attributes: termios)?
    private var isRegistered = false
    private let lock = Lock()

    func store(_ attributes: termios, for fd: Int32) {
        lock.withLock {
            mode = (fd, attributes)
            if !isRegistered { atexit { savedMode.restore() } }
            isRegistered = true
        }
    }

    func restore() {
        lock.withLock {
            guard var saved = mode else { return }
            mode = nil
            _ = unsafe tcsetattr(saved.fd, TCSADRAIN, &saved.attributes)
        }
    }
}

private let savedMode = SavedMode()
