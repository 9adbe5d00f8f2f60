internal import Logging
internal import NIOCore
internal import TTRPC
internal import TTRPCNIO

/// Connections into a pod over one WebSocket: a pair of channels for each port.
struct PortForwardSocket: Sendable {
    let socket: WebSocketConnection
    let ports: [UInt32]
    let pod: String
    let registry: Registry
    let logger: Logger

    func run() async {
        // One reader of the socket: what is of a port goes into that port's queue. A port that takes nothing stops the others as well.
        let queues = ports.map { _ in InboundQueue<[UInt8]> {} }
        do {
            guard !ports.isEmpty, ports.count <= PortForwarding.mostPorts else {
                throw PluginError.invalid(field: "port", reason: "1 to \(PortForwarding.mostPorts) ports must be named")
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                let reader = Task { await read(into: queues) }
                for (index, port) in ports.enumerated() { group.addTask { try await forward(port, index, queues[index]) } }
                defer { reader.cancel() }
                try await group.waitForAll()
            }
        } catch {
            logger.info("port-forward: \(error)")
        }
        await socket.close()
    }

    private func read(into queues: [InboundQueue<[UInt8]>]) async {
        do {
            while let piece = try await socket.received.next() {
                let index = Int(piece.channel / 2)
                // The error channels are the server's.
                guard piece.channel % 2 == 0, queues.indices.contains(index), !piece.bytes.isEmpty else { continue }
                queues[index].push(piece.bytes, bytes: piece.bytes.count)
                while queues[index].isFull, !Task.isCancelled { try await Task.sleep(for: .milliseconds(5)) }
            }
        } catch {}
        for queue in queues { queue.finish(.failure(Status(.cancelled, "the client has gone"))) }
    }

    private func forward(_ port: UInt32, _ index: Int, _ queue: InboundQueue<[UInt8]>) async throws {
        let (data, error) = (UInt8(index * 2), UInt8(index * 2 + 1))
        let head = ByteBuffer(bytes: PortForwarding.head(UInt16(truncatingIfNeeded: port)))
        try await socket.send(data, head)
        try await socket.send(error, head)
        do {
            let session = try await PortSession.connect(try await registry.pod(pod), port: port)
            try await session.run {
                try await queue.next()
            } send: {
                try await socket.send(data, $0)
            }
        } catch let failure as PluginError {
            logger.info("port-forward: \(failure)")
            try await socket.send(error, ByteBuffer(string: "\(failure)"))
        }
    }
}
