package import EventLoop
package import LinuxSys
package import TTRPC

/// A ttrpc client on the event loop: any number of unary calls at one time over one connection.
///
/// When the connection ends, every open call fails with `unavailable`; connecting again is the owner's business.
package final class LoopClient {
    package typealias Completion = (Result<ResponseEnvelope, Status>) -> Void

    private struct Call {
        let completion: Completion
        let timer: TimerToken?
    }

    private let loop: EventLoop
    private let path: String
    private var streams: ClientStreams
    private var calls: [UInt32: Call] = [:]
    private var connection: FrameConnection?
    /// Called once, with the reason, when the peer ends the connection or breaks the protocol; after the open calls failed.
    package var onClose: ((String) -> Void)?

    package init(loop: EventLoop, codec: any EnvelopeCodec.Type, path: String) throws(SysError) {
        self.loop = loop
        streams = ClientStreams(codec: codec)
        self.path = path
        let socket = FDBox(try FD.connect(to: path))
        connection = try FrameConnection(
            loop: loop, socket: socket, onEvent: { [weak self] in self?.received($0) }, onClose: { [weak self] in self?.ended($0) })
    }

    package var isOpen: Bool { connection != nil }

    /// Begins a call; `completion` runs once, on the loop. `.failure` means that no answer came (connection, deadline, size);
    /// an error that the server answered is in the response's status.
    ///
    /// - Parameter deadline: nanoseconds from now, told to the server too; nil waits without end.
    package func call(_ request: RequestEnvelope, deadline: UInt64?, completion: @escaping Completion) {
        guard let connection else { return completion(.failure(Status(.unavailable, "\(path): connection is closed"))) }
        guard !connection.isCongested else {
            return completion(.failure(Status(.resourceExhausted, "\(path): the server takes no more requests for now")))
        }
        var request = request
        if let deadline { request.timeout = Int64(clamping: deadline) }
        let frame: Frame
        do { frame = try streams.open(request) } catch { return completion(.failure(error)) }
        let stream = frame.stream
        let timer = deadline.map { time in
            loop.after(nanoseconds: time) { [weak self] in
                let message = "\(request.service)/\(request.method): no answer within \(time / 1_000_000) ms"
                self?.streams.abandon(stream)
                self?.finish(stream, .failure(Status(.deadlineExceeded, message)))
            }
        }
        calls[stream] = Call(completion: completion, timer: timer)
        connection.send(frame)
    }

    /// Ends the connection; open calls fail.
    package func close() {
        connection?.close()
        connection = nil
        failAll(Status(.unavailable, "\(path): connection was closed"))
    }

    private func received(_ event: FrameEvent) {
        for action in streams.receive(event) {
            switch action {
            case .response(let stream, let response): finish(stream, .success(response))
            case .broken(let status):
                connection?.close()
                ended(status.message)
            case .message, .ended: continue  // Only of streaming calls, which are not made here.
            }
        }
    }

    private func finish(_ stream: UInt32, _ result: Result<ResponseEnvelope, Status>) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        if let timer = call.timer { loop.cancel(timer) }
        call.completion(result)
    }

    private func ended(_ reason: String) {
        guard connection != nil else { return }
        connection = nil
        failAll(Status(.unavailable, "\(path): \(reason)"))
        let action = onClose
        onClose = nil
        action?(reason)
    }

    private func failAll(_ status: Status) {
        for stream in calls.keys.sorted() { finish(stream, .failure(status)) }
    }
}
