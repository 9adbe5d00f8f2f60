internal import NIOCore
internal import TTRPCNIO

/// A client of the remotecommand protocol.
struct RemoteCommandClient: StreamClient {
    let socket: WebSocketConnection
    let version: RemoteCommand.Version

    func next() async throws -> ClientEvent? {
        while let piece = try await socket.received.next() {
            if let event = try RemoteCommand.event(channel: piece.channel, piece.bytes, version) { return event }
        }
        return nil
    }

    /// An empty message: clients wait for one before they begin.
    func started() async throws { try await socket.send(RemoteCommand.Channel.stdout, ByteBuffer()) }

    func send(_ bytes: ByteBuffer, of output: OutputName) async throws {
        switch output {
        case .stdout: try await socket.send(RemoteCommand.Channel.stdout, bytes)
        case .stderr: try await socket.send(RemoteCommand.Channel.stderr, bytes)
        }
    }
}
