internal import Glibc

/// stdout and stderr, written to whole and in order.
enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// False when nobody reads any more (EPIPE) or the write failed: there is then no place to say so.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(rawValue, $0.baseAddress.map { unsafe $0 + done }, $0.count - done)
            }
            if count > 0 {
                done += count
            } else if errno == EAGAIN {
                // Somebody else who shares the terminal or pipe made it non-blocking.
                var wait = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                unsafe poll(&wait, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    var isTerminal: Bool { isatty(rawValue) == 1 }
}

/// Prints a line on stdout.
func say(_ line: String) { StandardStream.output.write(line + "\n") }
