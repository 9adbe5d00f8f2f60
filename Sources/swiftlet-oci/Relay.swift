import Glibc
import LinuxSys

/// Waits for a process in the foreground: passes signals on, and with a pty also what is typed and what is shown.
struct Relay {
    private let process: (pid: Int32, pidfd: FDBox)
    private let console: FDBox?
    private let signals: FDBox
    /// What the container says to its manager, until it has said that it is ready.
    var notification: (socket: NotifySocket, from: FDBox)?

    init(process: (pid: Int32, pidfd: FDBox), console: FDBox?, signals: FDBox) {
        self.process = process
        self.console = console
        self.signals = signals
    }

    /// A terminal needs somebody who holds its other side: this program while it stays, otherwise whoever listens at the socket.
    static func checkConsole(_ given: Arguments, terminal: Bool, detached: Bool) throws(CommandError) {
        let socket = given.value("console-socket") != nil
        if terminal, detached, !socket {
            throw .usage("process.terminal is true: --console-socket is needed to hand the terminal over")
        }
        if socket, !terminal { throw .usage("--console-socket: process.terminal is false") }
        if socket, !detached { throw .usage("--console-socket: only with --detach, as the terminal is this program's otherwise") }
    }

    /// All that can be passed on: not those that no process can catch, nor those that tell of faults of this one. Blocked from now on,
    /// so that none is lost between the start of the process and the relay; the executor unblocks them for itself.
    ///
    /// `reaping`: what the container's processes leave behind becomes this program's to reap.
    static func catchSignals(reaping: Bool) throws(CommandError) -> FDBox {
        try kernel { () throws(SysError) in
            if reaping { try ProcessControl.becomeSubreaper() }
            // A peer that hangs up is told by EPIPE.
            try ignoreSignal(SIGPIPE)
            var passed = SignalSet()
            for number in Int32(1)...31 {
                switch number {
                case SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGSTOP, SIGSYS: continue
                default: passed.insert(number)
                }
            }
            for number in SignalNames.realTime { passed.insert(number) }
            return FDBox(try FD.signals(passed))
        }
    }

    /// The size of the terminal that this program has itself; 0 by 0 when it has none.
    static func window() -> (rows: UInt16, columns: UInt16) {
        guard let terminal = try? FD.copy(of: 0), let size = try? terminal.window() else { return (0, 0) }
        return size
    }

    mutating func run() throws(CommandError) -> ExitStatus {
        let own = try? FD.copy(of: 0)
        let saved = console == nil ? nil : try? own?.makeTerminalRaw()
        defer { if let saved { try? own?.restoreTerminal(saved) } }
        if let status = try serve() {
            drain()
            return status
        }
        throw .state(operation: "wait", id: "process \(process.pid)", reason: "it cannot be reaped")
    }

    private mutating func serve() throws(CommandError) -> ExitStatus? {
        var input = console != nil
        var output = console != nil
        while true {
            let watched = [
                process.pidfd.raw, signals.raw, output ? console?.raw ?? -1 : -1, input ? 0 : -1, notification?.from.raw ?? -1,
            ]
            let found = try kernel { () throws(SysError) in try pollReadable(watched, milliseconds: -1) }
            if found[0] { return try kernel { () throws(SysError) in try process.pidfd.fd.reap(blocking: true) } }
            if found[1] { try passSignals() }
            if found[2], let console { output = Self.move(from: console.raw, to: 1) }
            if found[3], let console { input = Self.move(from: 0, to: console.raw) }
            if found[4] { try passNotification() }
        }
    }

    private func passSignals() throws(CommandError) {
        while let signal = try kernel({ () throws(SysError) in try signals.fd.nextSignal() }) {
            switch signal.number {
            case SIGCHLD: reapOthers(than: process.pid)
            case SIGWINCH where console != nil:
                let size = Self.window()
                if size.rows > 0 { try? console?.fd.setWindow(rows: size.rows, columns: size.columns) }
            default: try? process.pidfd.fd.signalProcess(signal.number)
            }
        }
    }

    /// The process to watch is this program, which ends as the container does.
    private mutating func passNotification() throws(CommandError) {
        guard let (socket, from) = notification, let word = NotifySocket.readiness(from) else { return }
        notification = nil
        try socket.tell(word, pid: getpid(), waiting: false)
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
