import Glibc
import LinuxSys

/// Waits for a process in the foreground: passes signals on, and with a pty also what is typed and what is shown.
struct Relay {
    private let process: FDBox
    private let console: FDBox?
    private let signals: FDBox

    init(process: FDBox, console: FDBox?, signals: FDBox) {
        self.process = process
        self.console = console
        self.signals = signals
    }

    /// All that a person or a supervisor sends to make a program stop, look again or change. Blocked from now on, so that none is lost
    /// between the start of the process and the relay; the executor unblocks them for itself.
    static func catchSignals() throws(CommandError) -> FDBox {
        FDBox(
            try kernel { () throws(SysError) in
                try FD.signals([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH])
            })
    }

    /// The size of the terminal that this program has itself; 0 by 0 when it has none.
    static func window() -> (rows: UInt16, columns: UInt16) {
        guard let terminal = try? FD.copy(of: 0), let size = try? terminal.window() else { return (0, 0) }
        return size
    }

    func run() throws(CommandError) -> ExitStatus {
        let own = try? FD.copy(of: 0)
        let saved = console == nil ? nil : try? own?.makeTerminalRaw()
        defer { if let saved { try? own?.restoreTerminal(saved) } }
        if let status = try serve() {
            drain()
            return status
        }
        throw .state(operation: "wait", id: "process", reason: "it cannot be reaped")
    }

    private func serve() throws(CommandError) -> ExitStatus? {
        var input = console != nil
        var output = console != nil
        while true {
            let watched: [(fd: Int32, events: Int16)] = [
                (process.raw, Int16(POLLIN)), (signals.raw, Int16(POLLIN)), (output ? console?.raw ?? -1 : -1, Int16(POLLIN)),
                (input ? 0 : -1, Int16(POLLIN)),
            ]
            let found = try kernel { () throws(SysError) in try pollDescriptors(watched, milliseconds: -1) }
            if found[0] != 0 { return try kernel { () throws(SysError) in try process.fd.reap(blocking: true) } }
            if found[1] != 0 { try passSignals() }
            if found[2] != 0, let console { output = Self.move(from: console.raw, to: 1) }
            if found[3] != 0, let console { input = Self.move(from: 0, to: console.raw) }
        }
    }

    private func passSignals() throws(CommandError) {
        while let signal = try kernel({ () throws(SysError) in try signals.fd.nextSignal() }) {
            if signal.number == SIGWINCH, let console {
                let size = Self.window()
                if size.rows > 0 { try? console.fd.setWindow(rows: size.rows, columns: size.columns) }
            } else {
                try? process.fd.signalProcess(signal.number)
            }
        }
    }

    /// What was written before the end is still in the pty.
    private func drain() {
        guard let console else { return }
        while let found = try? pollDescriptors([(console.raw, Int16(POLLIN))], milliseconds: 0), found[0] & Int16(POLLIN) != 0 {
            if !Self.move(from: console.raw, to: 1) { return }
        }
    }

    /// Once; false at the end (a pty whose other side is closed answers EIO).
    private static func move(from source: Int32, to sink: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(source, $0.baseAddress, $0.count) }
        guard count > 0 else { return count < 0 && errno == EINTR }
        var done = 0
        while done < count {
            let written = unsafe buffer.withUnsafeBytes { unsafe Glibc.write(sink, $0.baseAddress! + done, count - done) }
            if written < 0 && errno != EINTR { return false }
            done += max(0, written)
        }
        return true
    }
}
