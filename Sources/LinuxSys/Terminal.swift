internal import CLinux
import Glibc

/// Calls on a terminal or on the master of a pty.
extension FD {
    /// This descriptor is a pty's master: its other side, opened without a path (CVE-2025-52565).
    package func terminalPeer() throws(SysError) -> FD { FD(owning: try check(clx_pty_peer(raw), "ioctl TIOCGPTPEER")) }

    package func setWindow(rows: UInt16, columns: UInt16) throws(SysError) {
        try check(clx_set_window(raw, rows, columns), "ioctl TIOCSWINSZ", on: "\(columns)x\(rows)")
    }

    package func window() throws(SysError) -> (rows: UInt16, columns: UInt16) {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        try check(unsafe clx_get_window(raw, &rows, &columns), "ioctl TIOCGWINSZ")
        return (rows, columns)
    }

    /// Makes this the controlling terminal of the session that the caller leads.
    package func becomeControllingTerminal() throws(SysError) { try check(clx_set_controlling(raw), "ioctl TIOCSCTTY") }

    /// Raw mode; the answer restores what was (`restoreTerminal`).
    package func makeTerminalRaw() throws(SysError) -> [UInt8] {
        var saved = [UInt8](repeating: 0, count: clx_termios_size())
        try check(unsafe saved.withUnsafeMutableBytes { unsafe clx_terminal_raw(raw, $0.baseAddress) }, "tcsetattr")
        return saved
    }

    package func restoreTerminal(_ saved: [UInt8]) throws(SysError) {
        try check(unsafe saved.withUnsafeBytes { unsafe clx_terminal_restore(raw, $0.baseAddress) }, "tcsetattr")
    }

    /// A listening socket of records, 0600, at `path` (at most 107 bytes).
    package static func listenForRecords(at path: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_record_listen(path), "bind", on: path))
    }

    package static func connectForRecords(to path: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_record_connect(path), "connect", on: path))
    }

    /// Waits for a connection.
    package func acceptRecords() throws(SysError) -> FD {
        while true {
            let result = clx_record_accept(raw)
            if result == -EINTR || result == -ECONNABORTED { continue }
            return FD(owning: try check(result, "accept"))
        }
    }

    /// A file without a name, in memory, that can be sealed.
    package static func memory(_ name: String) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_memfd(name), "memfd_create", on: name))
    }

    /// No more writes, growth or shrinking (fcntl(2), F_ADD_SEALS).
    package func seal() throws(SysError) { try check(clx_seal(raw), "fcntl F_ADD_SEALS") }

    /// Whether this is a memory file that can no longer be written.
    package var isSealed: Bool { clx_seals(raw) >= 0 && clx_seals(raw) & 8 /* F_SEAL_WRITE */ != 0 }
}
