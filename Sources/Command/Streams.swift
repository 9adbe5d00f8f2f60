internal import Glibc
internal import LinuxSys

/// Copies this program's stdin into a FIFO that the shim reads, on a thread of its own.
enum InputRelay {
    /// Begins once the shim has opened its end; when that is closed again there is nobody to write for (ENXIO, fifo(7)).
    /// `ended` is called at the end of stdin, with the FIFO closed on this side: the shim's CloseIO waits for that.
    static func begin(fifo path: String, _ ended: @escaping @Sendable () -> Void) throws(SysError) {
        let fifo: FD
        do throws(SysError) {
            fifo = try FD.open(path, O_WRONLY | O_NONBLOCK)
        } catch  where error.errno == ENXIO {
            return
        }
        try fifo.setNonBlocking(false)
        let number = fifo.release()
        startThread {
            copy(to: FDBox(FD(owning: number)))
            ended()
        }
    }

    private static func copy(to fifo: FDBox) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
            if count > 0 {
                guard (try? fifo.fd.writeAll(Array(buffer[..<count]))) != nil else { return }
            } else if count < 0, errno == EAGAIN {
                var wait = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
                unsafe poll(&wait, 1, -1)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}

/// Copies a FIFO that the shim writes to one of this program's streams, until the shim and all who write have closed it.
final class OutputRelay: Sendable {
    private let fifo: FD
    private let stop: FDPair

    /// To be opened before the shim opens its end.
    init(fifo path: String) throws(SysError) {
        fifo = try FD.open(path, O_RDONLY | O_NONBLOCK)
        stop = try FD.pipe()
    }

    /// The process has ended and the shim has closed its end (or never opened it): what is there is copied, then the relay ends.
    func finish() { _ = try? stop.second.write([1]) }

    /// Ends on a thread of its own; returns when done.
    func run(to stream: StandardStream) async {
        await withCheckedContinuation { continuation in
            startThread {
                self.copy(to: stream)
                continuation.resume()
            }
        }
    }

    private func copy(to stream: StandardStream) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var polled = [
            pollfd(fd: fifo.raw, events: Int16(POLLIN), revents: 0), pollfd(fd: stop.first.raw, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            guard unsafe poll(&polled, 2, -1) >= 0 || errno == EINTR else { return }
            let stopped = polled[1].revents != 0
            while let transfer = try? fifo.read(into: &buffer), case .bytes(let count) = transfer {
                // Nobody reads: the FIFO is drained all the same, so that the process is not held up.
                stream.write(Array(buffer[..<count]))
            }
            if stopped { return }
            // Hang-up stays readable: from here only the stop is waited for.
            if Int32(polled[0].revents) & POLLHUP != 0 { polled[0].fd = -1 }
        }
    }
}
