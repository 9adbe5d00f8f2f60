internal import EventLoop
import Glibc
internal import LinuxSys

/// Reaps what nobody waits for: once this process is a subreaper, orphans of a container without a pid namespace of its own, and what
/// another runtime or criu leaves, become its children.
///
/// Processes that somebody waits for are reaped through their pidfds as soon as they have ended. So a child that is a zombie still at a
/// second look, with no set-up under way in which it might yet be told of, is nobody's.
final class StrayReaper {
    private static let patience: UInt64 = 1_000_000_000

    private let loop: EventLoop
    private let signals: FDBox
    private var token: Token?
    private var seen: Int32 = 0
    private var isWaiting = false
    private let isBusy: () -> Bool

    /// - Parameter isBusy: whether a process may have ended of which nobody knows yet.
    init(loop: EventLoop, isBusy: @escaping () -> Bool) throws(SysError) {
        self.loop = loop
        self.isBusy = isBusy
        try ProcessControl.becomeSubreaper()
        signals = FDBox(try FD.signals([SIGCHLD]))
        token = try loop.watch(signals.raw, for: .read) { [weak self] _ in
            while (try? self?.signals.fd.nextSignal()) ?? nil != nil {}
            self?.lookLater()
        }
    }

    deinit { if let token { loop.cancel(token) } }

    private func lookLater() {
        guard !isWaiting else { return }
        isWaiting = true
        loop.after(nanoseconds: Self.patience) { [weak self] in
            self?.isWaiting = false
            self?.look()
        }
    }

    private func look() {
        guard let pid = endedChild() else {
            seen = 0
            return
        }
        if pid == seen, !isBusy() {
            reapChild(pid)
            seen = endedChild() ?? 0
        } else {
            seen = isBusy() ? 0 : pid
        }
        lookLater()
    }
}
