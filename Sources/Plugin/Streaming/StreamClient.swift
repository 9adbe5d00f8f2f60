internal import NIOCore
internal import OCI

/// What the client of an exec or an attach says.
enum ClientEvent: Equatable, Sendable {
    case stdin([UInt8])
    case stdinClosed
    case resize(TerminalSize)
}

struct TerminalSize: Equatable, Sendable {
    var width: UInt32, height: UInt32
}

enum OutputName: Sendable { case stdout, stderr }

/// The other end of an exec or an attach, over whatever wire.
protocol StreamClient: Sendable {
    /// The next event; nil: the client says nothing more, and listens still. Throws when it has gone. One caller at a time.
    func next() async throws -> ClientEvent?

    /// The command runs. Said before the first output.
    func started() async throws

    /// Returns when it is on its way: a slow client slows the program down.
    func send(_ bytes: ByteBuffer, of output: OutputName) async throws
}

/// A client of Kubernetes' remotecommand protocol, over whatever wire.
protocol CommandClient: StreamClient {
    /// Returns when the client has all that it needs to begin.
    func ready() async throws

    /// Tells the client how it went (a metav1.Status), and ends the connection.
    func finish(_ status: JSON) async
}

/// Which streams a client wants, as CRI's ExecRequest and AttachRequest say it.
struct StreamWishes: Equatable, Sendable {
    var terminal: Bool
    var stdin: Bool
    var stdout: Bool
    var stderr: Bool

    /// CRI: "One of `stdin`, `stdout`, and `stderr` MUST be true", and "If `tty` is true, `stderr` MUST be false".
    func check() throws(PluginError) {
        guard stdin || stdout || stderr else { throw .invalid(field: "stdin", reason: "one of stdin, stdout and stderr must be true") }
        guard !terminal || !stderr else { throw .invalid(field: "stderr", reason: "a terminal has one output: must be false with tty") }
    }
}
