internal import Glibc
package import Messages

/// The signal that asks a container to end: CRI's enum, or the name or number that an image gives (image-spec, config.md, StopSignal).
package enum StopSignal {
    package static let standard: Int32 = SIGTERM

    private static let numbers: [String: Int32] = [
        "ABRT": SIGABRT, "ALRM": SIGALRM, "BUS": SIGBUS, "CHLD": SIGCHLD, "CLD": SIGCHLD, "CONT": SIGCONT, "FPE": SIGFPE, "HUP": SIGHUP,
        "ILL": SIGILL, "INT": SIGINT, "IO": SIGIO, "IOT": SIGABRT, "KILL": SIGKILL, "PIPE": SIGPIPE, "POLL": SIGPOLL, "PROF": SIGPROF,
        "PWR": SIGPWR, "QUIT": SIGQUIT, "SEGV": SIGSEGV, "STKFLT": SIGSTKFLT, "STOP": SIGSTOP, "SYS": SIGSYS, "TERM": SIGTERM,
        "TRAP": SIGTRAP,
        "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "USR1": SIGUSR1, "USR2": SIGUSR2, "VTALRM": SIGVTALRM,
        "WINCH": SIGWINCH, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
    ]
    // glibc keeps the first two real-time signals of the kernel for itself.
    private static let firstRealTime: Int32 = 34
    private static let lastRealTime: Int32 = 64

    /// `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `RTMAX-1`. Nil for what is none.
    package static func number(_ text: String) -> Int32? {
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let number = Int32(name) { return (1...lastRealTime).contains(number) && name == text ? number : nil }
        if let number = numbers[name] { return number }
        if name == "RTMIN" { return firstRealTime }
        if name == "RTMAX" { return lastRealTime }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (1...30).contains(offset) { return firstRealTime + offset }
        if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (1...30).contains(offset) { return lastRealTime - offset }
        return nil
    }

    /// Nil for SIGNAL_RUNTIME_DEFAULT.
    package static func number(_ signal: Runtime_V1_Signal) throws(PluginError) -> Int32? {
        let value = Int32(signal.rawValue)
        switch value {
        case 0: return nil
        // SIGNAL_SIGRTMIN … SIGNAL_SIGRTMAX stand in the order of their numbers.
        case 35...65: return firstRealTime + value - 35
        default:
            guard case .UNRECOGNIZED = signal else { return byCRI[Int(value)] }
            throw .invalid(field: "config.stop_signal", reason: "\(value) is no signal")
        }
    }

    /// By the value of CRI's enum, which is alphabetical.
    private static let byCRI: [Int32] = [
        0, SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGABRT, SIGKILL, SIGPIPE, SIGPOLL,
        SIGPROF, SIGPWR, SIGQUIT, SIGSEGV, SIGSTKFLT, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1,
        SIGUSR2,
        SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
    ]
}
