internal import NIOCore
internal import OCI
internal import TTRPCNIO

/// A client of the remotecommand protocol over WebSocket.
struct RemoteCommandClient: CommandClient {
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

    func ready() async throws {}

    func finish(_ status: JSON) async {
        try? await socket.send(RemoteCommand.Channel.error, ByteBuffer(bytes: RemoteCommand.told(status, version)))
        await socket.close()
    }

    func send(_ bytes: ByteBuffer, of output: OutputName) async throws {
        switch output {
        case .stdout: try await socket.send(RemoteCommand.Channel.stdout, bytes)
        case .stderr: try await socket.send(RemoteCommand.Channel.stderr, bytes)
        }
    }
}
