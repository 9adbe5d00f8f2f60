internal import Glibc
internal import LinuxSys
internal import Synchronization

/// A lock around little work, for what threads and tasks share.
final class Lock: Sendable {
    private let mutex = Mutex(())
    func withLock<R>(_ body: () -> R) -> R { mutex.withLock { _ in body() } }
}

/// Starts a detached thread for calls that block (terminal, FIFO, log file, signals): the program may end at any time under it.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    let result = unsafe pthread_create(
        &thread, nil,
        { context in
            if let context = unsafe context { unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, context)
    precondition(result == 0, "a thread can be had")
    pthread_detach(thread)
}

/// Signals as a stream: they must be blocked in every thread (`prepareSignals`).
