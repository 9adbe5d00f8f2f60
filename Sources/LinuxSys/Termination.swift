internal import CLinux

extension FD {
    /// A pipe that is given one byte, the number, for each of `signals` that this process gets; for a process with many threads.
    package static func signalPipe(_ signals: [Int32]) throws(SysError) -> FD {
        FD(owning: try check(unsafe clx_signal_pipe(signals, Int32(signals.count)), "sigaction"))
    }
}
