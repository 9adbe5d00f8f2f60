package import EventLoop
import Glibc
package import LinuxSys
package import TTRPC

/// A ttrpc server on the event loop: many connections, each with bounds of its own.
///
/// Peers other than root and this process' own user are turned away (SO_PEERCRED, unix(7)).
package final class LoopServer {
    /// Connections at one time; more wait in the kernel's backlog until one of these closes.
    private let mostConnections: Int
    /// The user whose connections are taken, beside root's.
    private let owner = effectiveUserID()
    private let loop: EventLoop
    private let codec: any EnvelopeCodec.Type
    private let listener: FDBox
    private let limits: StreamLimits
    private let handler: (ServerCall) -> Void
    private var token: Token?
    private var connections: [ServerConnection] = []
    private var retry: TimerToken?
    /// Told about what goes wrong with the listener or a connection; one line each.
    package var report: ((String) -> Void)?

    package init(
        loop: EventLoop, codec: any EnvelopeCodec.Type, listener: consuming FD, limits: StreamLimits = StreamLimits(),
        mostConnections: Int = 128, handler: @escaping (ServerCall) -> Void
    ) throws(SysError) {
        self.loop = loop
        self.codec = codec
        self.listener = FDBox(listener)
        self.limits = limits
        self.mostConnections = mostConnections
        self.handler = handler
        token = try loop.watch(self.listener.raw, for: .read) { [weak self] _ in self?.accept() }
    }

    package var connectionCount: Int { connections.count }
    /// True while no call waits for its answer and no answer waits for its peer.
    package var isIdle: Bool { connections.allSatisfy { $0.isIdle } }

    /// Takes no more connections; those there are go on.
    package func stopListening() {
        if let token { loop.cancel(token) }
        token = nil
        if let retry { loop.cancel(retry) }
        retry = nil
    }

    /// Ends everything; calls in progress are cancelled.
    package func close() {
        stopListening()
        let open = connections
        connections = []
        for connection in open { connection.close() }
    }

    private func accept() {
        while token != nil && retry == nil {
            guard connections.count < mostConnections else { return pause() }
            do {
                guard let socket = try listener.fd.accept() else { return }
                try take(FDBox(socket))
            } catch {
                report?("\(error)")
                // No descriptors or memory left: the connection stays in the backlog and would wake us again at once.
                return pause()
            }
        }
    }

    private func take(_ socket: FDBox) throws(SysError) {
        let peer = try socket.fd.peerCredentials()
        guard peer.uid == 0 || peer.uid == owner else {
            report?("connection of user \(peer.uid) (pid \(peer.pid)) refused")
            return
        }
        let connection = try ServerConnection(
            loop: loop, streams: ServerStreams(codec: codec, limits: limits), socket: socket, peer: peer, handler: handler,
            onEnd: { [weak self] connection, reason in self?.ended(connection, reason) })
        connections.append(connection)
    }

    private func ended(_ connection: ServerConnection, _ reason: String) {
        connections.removeAll { $0 === connection }
        if reason != "the peer closed" { report?("connection: \(reason)") }
        resume()
    }

    /// Accepting is tried again when a connection closes, and after a while in any case.
    private func pause() {
        guard let token, retry == nil else { return }
        do { try loop.update(token, for: []) } catch { report?("\(error)") }
        retry = loop.after(nanoseconds: 100_000_000) { [weak self] in
            self?.retry = nil
            self?.resume()
        }
    }

    private func resume() {
        guard let token else { return }
        if let retry { loop.cancel(retry) }
        retry = nil
        do { try loop.update(token, for: .read) } catch { report?("\(error)") }
    }
}

/// One connection of a `LoopServer`.
final class ServerConnection {
    private let loop: EventLoop
    private let peer: PeerCredentials
    private let handler: (ServerCall) -> Void
    private let onEnd: (ServerConnection, String) -> Void
    private var streams: ServerStreams
    private var calls: [UInt32: ServerCall] = [:]
    private var connection: FrameConnection?

    init(
        loop: EventLoop, streams: ServerStreams, socket: FDBox, peer: PeerCredentials, handler: @escaping (ServerCall) -> Void,
        onEnd: @escaping (ServerConnection, String) -> Void
    ) throws(SysError) {
        self.loop = loop
        self.peer = peer
        self.handler = handler
        self.onEnd = onEnd
        self.streams = streams
        connection = try FrameConnection(
            loop: loop, socket: socket, onEvent: { [unowned self] in received($0) }, onClose: { [unowned self] in ended($0) })
    }

    /// The connection and calls that others hold have nobody to turn to after this.
    deinit { close() }

    var isIdle: Bool { streams.isIdle && connection?.waiting ?? 0 == 0 }

    func close() {
        connection?.close()
        connection = nil
        cancelAll()
    }

    private func ended(_ reason: String) {
        cancelAll()
        onEnd(self, reason)
    }

    private func cancelAll() {
        let open = calls
        calls = [:]
        for call in open.values { call.cancel() }
    }

    private func received(_ event: FrameEvent) {
        for action in streams.receive(event) {
            switch action {
            case .call(let stream, let request, .clientOpen):
                answer(stream, ResponseEnvelope(status: Status(.unimplemented, "\(request.service)/\(request.method): takes no stream")))
            case .call(let stream, let request, let shape): begin(stream, request, shape)
            case .cancelled(let stream): calls.removeValue(forKey: stream)?.cancel()
            case .send(let frame): connection?.send(frame)
            case .message, .inputEnded: continue  // Only of streams that were opened with .clientOpen.
            }
        }
    }

    private func begin(_ stream: UInt32, _ request: RequestEnvelope, _ shape: CallShape) {
        guard request.timeout >= 0 else {
            return answer(stream, ResponseEnvelope(status: Status(.invalidArgument, "timeout of \(request.timeout) ns")))
        }
        var timer: TimerToken?
        if request.timeout > 0 {
            timer = loop.after(nanoseconds: UInt64(request.timeout)) { [unowned self] in late(stream, request) }
        }
        let loop = loop
        let call = ServerCall(request, shape, peer: peer, endTimer: { if let timer { loop.cancel(timer) } }) { [unowned self] output in
            put(stream, output)
        }
        calls[stream] = call
        handler(call)
    }

    private func late(_ stream: UInt32, _ request: RequestEnvelope) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        let message = "\(request.service)/\(request.method): not done within \(request.timeout / 1_000_000) ms"
        answer(stream, ResponseEnvelope(status: Status(.deadlineExceeded, message)))
        call.cancel()
    }

    private func put(_ stream: UInt32, _ output: ServerCallOutput) -> Bool {
        switch output {
        case .response(let response):
            calls[stream] = nil
            answer(stream, response)
            return true
        case .end:
            calls[stream] = nil
            guard let frame = streams.finish(stream) else { return false }
            connection?.send(frame)
            return true
        case .message(let message):
            guard let connection, !connection.isCongested, let frame = try? streams.send(stream, message) else { return false }
            connection.send(frame)
            return true
        }
    }

    private func answer(_ stream: UInt32, _ response: ResponseEnvelope) {
        guard let frame = streams.respond(stream, response) else { return }
        connection?.send(frame)
    }
}
