internal import Glibc
internal import LinuxSys
package import Messages

/// The signal that asks a container to end: CRI's enum, or the name or number that an image gives (image-spec, config.md, StopSignal).
package enum StopSignal {
    package static let standard: Int32 = SIGTERM

    /// `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `RTMAX-1`. Nil for what is none.
    package static func number(_ text: String) -> Int32? { SignalNames.number(text) }

    /// Nil for SIGNAL_RUNTIME_DEFAULT.
    package static func number(_ signal: Runtime_V1_Signal) throws(PluginError) -> Int32? {
        let value = Int32(signal.rawValue)
        switch value {
        case 0: return nil
        // SIGNAL_SIGRTMIN … SIGNAL_SIGRTMAX stand in the order of their numbers.
        case 35...65: return SignalNames.realTime.lowerBound + value - 35
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
