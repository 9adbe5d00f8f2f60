internal import Cgroups
internal import EventLoop
internal import LinuxSys

/// Tells of processes that the kernel kills in the container's cgroup for want of memory. Armed before start; read once more before
/// the exit is told (rule 3).
final class OOMWatcher {
    private let loop: EventLoop
    private let watch: OOMWatch
    private var token: Token?
    private var known: UInt64
    private let notify: () -> Void

    /// Nil when there is nothing to watch or it cannot be watched, which is logged.
    init?(_ cgroup: Cgroup, loop: EventLoop, log: ShimLog, _ notify: @escaping () -> Void) {
        do throws(CgroupError) {
            guard let watch = try cgroup.oomWatch() else { return nil }
            self.watch = watch
        } catch {
            log.warning("watch for OOM kills: \(error)")
            return nil
        }
        self.loop = loop
        self.notify = notify
        known = watch.kills() ?? 0
        do throws(SysError) {
            token = try loop.watch(watch.fd.raw, for: .read) { [unowned self] _ in
                try? watch.fd.drain()
                look()
            }
        } catch {
            log.warning("watch for OOM kills: \(error)")
            return nil
        }
    }

    deinit { if let token { loop.cancel(token) } }

    /// The last look.
    func finish() {
        look()
        if let token { loop.cancel(token) }
        token = nil
    }

    private func look() {
        guard let kills = watch.kills(), kills > known else { return }
        known = kills
        notify()
    }
}
