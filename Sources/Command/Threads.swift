internal import Glibc
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
/// To be called before the program has a second thread: blocks the signals that the commands with a container to attend to
/// hand on or answer by undoing what they have begun. All threads inherit that; with other commands they do what they always do.
package func prepareSignals(_ arguments: [String]) {
    guard let verb = hoistGlobalOptions(arguments).first, ["run", "exec", "start"].contains(verb) else { return }
    var set = sigset_t(SignalQueue.proxied)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
}

struct SignalQueue: Sendable {
    let signals: AsyncStream<Int32>

    /// What a foreground container gets from its person; SIGWINCH tells of a new size.
    static let proxied: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH]

    init(_ numbers: [Int32] = proxied) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        signals = stream
        startThread {
            var set = sigset_t(numbers)
            while true {
                var number: Int32 = 0
                guard unsafe sigwait(&set, &number) == 0 else { continue }
                continuation.yield(number)
            }
        }
    }
}

extension sigset_t {
    fileprivate init(_ numbers: [Int32]) {
        self.init()
        unsafe sigemptyset(&self)
        for number in numbers { unsafe sigaddset(&self, number) }
    }
}
