internal import NIOCore
internal import OCI
internal import SPDY
internal import Synchronization
internal import TTRPC
internal import TTRPCNIO

/// The client of an exec or an attach over SPDY.
final class SPDYCommand: SPDYService, CommandClient {
    /// For the client to open its streams in.
    static let patience = TimeAmount.seconds(30)

    private struct State {
        var streams: CommandStreams
        var sizes = SizeReader()
    }

    private let connection: SPDYConnection
    private let version: RemoteCommand.Version
    private let state: Mutex<State>
    private let complete: EventLoopPromise<Void>
    private let events: InboundQueue<ClientEvent>

    init(_ channel: any Channel, _ wishes: StreamWishes, _ version: RemoteCommand.Version) {
        let connection = SPDYConnection(channel: channel)
        (self.connection, self.version) = (connection, version)
        state = Mutex(State(streams: CommandStreams(wishes, version)))
        complete = channel.eventLoop.makePromise()
        events = InboundQueue { connection.resume() }
    }

    // What the client does.

    var isFull: Bool { events.isFull }

    func opened(_ stream: UInt32, _ headers: Headers) -> Bool {
        let (isTaken, isComplete) = state.withLock { ($0.streams.open(stream, headers), $0.streams.isComplete) }
        if isComplete { complete.succeed() }
        return isTaken
    }

    func arrived(_ bytes: [UInt8], on stream: UInt32) {
        switch state.withLock({ $0.streams.role(of: stream) }) {
        case .stdin: push(.stdin(bytes))
        case .resize:
            do throws(RemoteCommand.Failure) {
                for size in try state.withLock({ state throws(RemoteCommand.Failure) in try state.sizes.take(bytes) }) {
                    push(.resize(size))
                }
            } catch {
                gone("a terminal's size that is none")
            }
        // The other streams are the server's.
        case .stdout, .stderr, .error, nil: break
        }
    }

    /// Small ones count too: a client could send them without end.
    private func push(_ event: ClientEvent) {
        let size = if case .stdin(let bytes) = event { bytes.count } else { 0 }
        events.push(event, bytes: size + 64)
    }

    func ended(_ stream: UInt32) {
        if state.withLock({ $0.streams.role(of: stream) }) == .stdin { push(.stdinClosed) }
    }

    func reset(_ stream: UInt32) { ended(stream) }

    func gone(_ reason: String) {
        let failure = Status(.cancelled, reason)
        complete.fail(failure)
        events.finish(.failure(failure))
    }

    // What it is told.

    func ready() async throws {
        try await connection.closingIfCancelled {
            let timer = connection.channel.eventLoop.scheduleTask(in: Self.patience) { [complete] in
                let seconds = Self.patience.nanoseconds / 1_000_000_000
                complete.fail(PluginError.deadline(operation: "open", subject: "the client's streams", seconds: seconds))
            }
            defer { timer.cancel() }
            try await complete.futureResult.get()
        }
    }

    func started() async throws {}

    func next() async throws -> ClientEvent? { try await events.next() }

    func send(_ bytes: ByteBuffer, of output: OutputName) async throws {
        let stream = state.withLock { output == .stdout ? $0.streams[.stdout] : $0.streams[.stderr] }
        if let stream { try await connection.send(stream, bytes) }
    }

    func finish(_ status: JSON) async {
        let streams = state.withLock { $0.streams }
        if let error = streams[.error] {
            try? await connection.send(error, ByteBuffer(bytes: RemoteCommand.told(status, version)), isLast: true)
        }
        for stream in streams.all where stream != streams[.error] { await connection.end(stream) }
        await connection.close()
    }
}
