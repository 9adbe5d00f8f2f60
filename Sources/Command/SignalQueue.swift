internal import Glibc
internal import LinuxSys

/// Where the handler puts the numbers of signals. Written once, before there is a second thread or a handler.
private nonisolated(unsafe) var signalPipe: (reader: Int32, writer: Int32) = (-1, -1)

/// To be called at the program's beginning: the commands with a container to attend to hand signals on, and they and those that take images
/// in answer them by undoing what they have begun. With all other commands signals do what they always do; so do those that whoever started this ignores.
///
/// Handlers and a pipe, not blocked signals and sigwait(3): Dispatch keeps a thread in sigsuspend(2) that has none blocked.
package func prepareSignals(_ arguments: [String]) {
    let attending = ["run", "exec", "attach", "start", "load", "import", "commit", "pull", "push"]
    guard let verb = hoistGlobalOptions(arguments).first, attending.contains(verb), let pipe = try? FD.pipe() else { return }
    let ends = pipe.take { first, second in [first.release(), second.release()] }
    unsafe signalPipe = (ends[0], ends[1])
    for number in SignalQueue.proxied {
        var old = sigaction()
        guard unsafe sigaction(number, nil, &old) == 0, unsafe unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != 1 else {
            continue
        }
        var new = sigaction()
        unsafe new.__sigaction_handler.sa_handler = { number in
            let saved = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = unsafe write(signalPipe.writer, &byte, 1)
            errno = saved
        }
        new.sa_flags = SA_RESTART
        unsafe sigaction(number, &new, nil)
    }
}

/// The signals that came since `prepareSignals`, as a stream.
struct SignalQueue: Sendable {
    let signals: AsyncStream<Int32>

    /// What a foreground container gets from its person; SIGWINCH tells of a new size.
    static let proxied: [Int32] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        signals = stream
        let reader = unsafe signalPipe.reader
        guard reader >= 0 else { return }
        startThread {
            var byte: UInt8 = 0
            while true {
                let count = unsafe read(reader, &byte, 1)
                if count == 1 { continuation.yield(Int32(byte)) } else if count == 0 || errno != EINTR { return }
            }
        }
    }
}
