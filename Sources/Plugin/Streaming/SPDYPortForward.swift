internal import Logging
internal import NIOCore
internal import SPDY
internal import Synchronization
internal import TTRPC
internal import TTRPCNIO

/// Connections into a pod over one SPDY connection: a pair of streams for each.
///
/// SPDY without windows cannot slow down one stream: while the programs behind the ports have more than 1 MiB not taken, nothing is read.
final class SPDYPortForward: SPDYService {
    /// For the second stream of a pair.
    static let patience = TimeAmount.seconds(30)

    /// What the client has sent on a data stream, and how much of it nobody has taken.
    private struct Inbox {
        let queue = InboundQueue<[UInt8]> {}
        var held = 0
    }

    private struct State {
        var pairs: PortPairs
        var inboxes: [UInt32: Inbox] = [:]
        /// Of all of them.
        var held = 0
        var isFull: Bool { held >= InboundQueue<[UInt8]>.highWater }
    }

    private let connection: SPDYConnection
    private let pod: String
    private let registry: Registry
    private let logger: Logger
    private let state: Mutex<State>
    private let complete = InboundQueue<PortPairs.Pair> {}

    init(_ channel: any Channel, pod: String, ports: [Int32], registry: Registry, logger: Logger) {
        connection = SPDYConnection(channel: channel)
        (self.pod, self.registry, self.logger) = (pod, registry, logger)
        state = Mutex(State(pairs: PortPairs(ports: ports)))
    }

    // What the client does.

    var isFull: Bool { state.withLock(\.isFull) }

    func opened(_ stream: UInt32, _ headers: Headers) -> Bool {
        let outcome = state.withLock { state in
            let outcome = state.pairs.add(stream, headers)
            switch outcome {
            case .waits(isData: true), .complete(_, isData: true): state.inboxes[stream] = Inbox()
            default: break
            }
            return outcome
        }
        switch outcome {
        case .refused(let reason):
            logger.info("port-forward: \(reason)")
            return false
        case .waits: connection.channel.eventLoop.scheduleTask(in: Self.patience) { [weak self] in self?.expire(stream) }
        case .complete(let pair, _): complete.push(pair, bytes: 0)
        }
        return true
    }

    func arrived(_ bytes: [UInt8], on stream: UInt32) {
        state.withLock { state in
            guard let queue = state.inboxes[stream]?.queue else { return }
            state.held += bytes.count
            state.inboxes[stream]?.held += bytes.count
            queue.push(bytes, bytes: bytes.count)
        }
    }

    func ended(_ stream: UInt32) { state.withLock { $0.inboxes[stream] }?.queue.finish() }

    func reset(_ stream: UInt32) {
        let (waited, inbox) = state.withLock { ($0.pairs.forget(stream), $0.inboxes[stream]) }
        inbox?.queue.finish(.failure(Status(.cancelled, "the client has closed the port")))
        // Of a pair that never was nobody else clears away.
        if let data = waited?.data { drop(data) }
    }

    func gone(_ reason: String) {
        let failure = Status(.cancelled, reason)
        complete.finish(.failure(failure))
        for inbox in state.withLock({ Array($0.inboxes.values) }) { inbox.queue.finish(.failure(failure)) }
    }

    private func expire(_ stream: UInt32) {
        guard let half = state.withLock({ $0.pairs.forget(stream) }) else { return }
        let failure = PluginError.deadline(
            operation: "open", subject: "the streams of request \(quoted(half.request))", seconds: Self.patience.nanoseconds / 1_000_000_000
        )
        logger.info("port-forward: \(failure)")
        if let data = half.data {
            drop(data)
            connection.reset(data)
        }
        guard let error = half.error else { return }
        let output = SPDYConnection.Output.data(stream: error, ByteBuffer(string: "\(failure)"), isLast: true)
        connection.channel.writeAndFlush(output, promise: nil)
    }

    // What becomes of it.

    func run() async {
        await withDiscardingTaskGroup { group in
            do {
                while let pair = try await complete.next() { group.addTask { await self.forward(pair) } }
            } catch {
                logger.debug("port-forward: \(error)")
            }
            group.cancelAll()
        }
        await connection.close()
    }

    private func forward(_ pair: PortPairs.Pair) async {
        guard let queue = state.withLock({ $0.inboxes[pair.data] })?.queue else { return }
        do {
            let session = try await PortSession.connect(try await registry.pod(pod), port: UInt32(pair.port))
            try await session.run {
                let bytes = try await queue.next()
                if let bytes { self.took(bytes.count, of: pair.data) }
                return bytes
            } send: {
                try await self.connection.send(pair.data, $0)
            }
        } catch let failure as PluginError {
            logger.info("port-forward: \(failure)")
            try? await connection.send(pair.error, ByteBuffer(string: "\(failure)"))
        } catch {
            // The client's end of it, or the pod's program has closed before it took everything.
            logger.debug("port-forward: port \(pair.port): \(error)")
        }
        drop(pair.data)
        await connection.end(pair.data)
        await connection.end(pair.error)
    }

    private func took(_ count: Int, of stream: UInt32) {
        let hasRoom = state.withLock { state in
            guard state.inboxes[stream] != nil else { return false }
            let wasFull = state.isFull
            state.inboxes[stream]?.held -= count
            state.held -= count
            return wasFull && !state.isFull
        }
        if hasRoom { connection.resume() }
    }

    /// What nobody takes any more is not held.
    private func drop(_ stream: UInt32) {
        let (inbox, hasRoom) = state.withLock { state in
            let wasFull = state.isFull
            let inbox = state.inboxes.removeValue(forKey: stream)
            state.held -= inbox?.held ?? 0
            return (inbox, wasFull && !state.isFull)
        }
        inbox?.queue.finish()
        if hasRoom { connection.resume() }
    }
}
