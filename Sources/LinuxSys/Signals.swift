internal import CLinux

/// Signals by their numbers, 1 … 64.
package struct SignalSet: ExpressibleByArrayLiteral, Sendable {
    fileprivate private(set) var bits: UInt64 = 0

    package init() {}
    package init(arrayLiteral signals: Int32...) { for signal in signals { insert(signal) } }

    package mutating func insert(_ signal: Int32) { bits |= 1 << UInt64(signal - 1) }
}

extension FD {
    /// A signalfd(2) for `signals`, which are blocked from now on.
    package static func signals(_ signals: SignalSet) throws(SysError) -> FD {
        FD(owning: try check(clx_signalfd(signals.bits), "signalfd"))
    }

    /// This descriptor is a signalfd: the next signal and its sender's pid, nil when none waits.
    package func nextSignal() throws(SysError) -> (number: Int32, sender: Int32)? {
        var number: Int32 = 0
        var sender: Int32 = 0
        guard try check(unsafe clx_signalfd_read(raw, &number, &sender), "read signalfd") == 1 else { return nil }
        return (number, sender)
    }
}

/// This program's first instructions found that its file cannot be written (CLinux/entry.c). False where it has none of its own.
package var beganSealed: Bool { clx_began_sealed() != 0 }

/// Nothing is blocked any more; what is done about a signal stays as it is.
package func unblockSignals() throws(SysError) { try check(clx_unblock_signals(), "sigprocmask") }

/// Every signal that can be waits (sigprocmask(2)), also across an exec.
package func blockSignals() throws(SysError) { try check(clx_block_signals(), "sigprocmask") }
