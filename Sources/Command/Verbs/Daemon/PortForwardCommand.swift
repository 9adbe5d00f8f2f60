internal import ArgumentParser
internal import FoundationEssentials
internal import LinuxSys
internal import Messages
internal import NIOCore
internal import NIOPosix
internal import TTRPC
internal import TTRPCNIO

struct PortForwardCommand: DaemonVerb {
    static let configuration = CommandConfiguration(
        commandName: "port-forward", abstract: "Bring ports of a pod to this machine.",
        discussion: "LOCAL:REMOTE, REMOTE for the same on both sides, :REMOTE for a free one. Goes on until it is interrupted.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var daemon: DaemonOptions

    @Option(help: "The address to listen on.")
    var address = "127.0.0.1"

    @Argument(help: ArgumentHelp("POD or an id.", valueName: "pod"), completion: Completion.daemon)
    var pod: String

    @Argument(help: ArgumentHelp("[LOCAL:]REMOTE", valueName: "ports"), transform: { try PortPair($0) })
    var ports: [PortPair]

    func perform(_ client: DaemonClient, _ journal: Journal) async throws -> Int32 {
        let id = try await client.inventory().pod(pod).id
        let path = client.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in ports {
                let server = try await listen(pair)
                say("forwarding \(address):\(server.channel.localAddress?.port ?? pair.local) to port \(pair.remote) of \(pod)")
                group.addTask { try await Self.serve(server, PortForwarder(socket: path, pod: id, port: pair.remote), journal) }
            }
            try await group.waitForAll()
        }
        return 0
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func listen(_ pair: PortPair) async throws -> NIOAsyncChannel<Connection, Never> {
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .bind(host: address, port: pair.local) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Connection(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(
                                isOutboundHalfClosureEnabled: true, inboundType: ByteBuffer.self, outboundType: ByteBuffer.self))
                    }
                }
        } catch let error as IOError {
            throw CommandFailure("listen", "\(address):\(pair.local)", SysError(error.errnoCode, "").reason)
        }
    }

    private static func serve(
        _ server: NIOAsyncChannel<Connection, Never>, _ forwarder: PortForwarder, _ journal: Journal
    ) async throws {
        try await server.executeThenClose { connections in
            await withDiscardingTaskGroup { group in
                do {
                    for try await connection in connections {
                        group.addTask {
                            do { try await forwarder.forward(connection) } catch { journal.error("port \(forwarder.port): \(error)") }
                        }
                    }
                } catch {
                    journal.error("port \(forwarder.port): \(error)")
                }
            }
        }
    }
}

/// `8080:80`, `80`, `:80`.
package struct PortPair: Equatable, Sendable {
    /// 0: any that is free.
    package var local: Int
    package var remote: Int

    package init(_ text: String) throws(ArgumentFailure) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        func port(_ text: String, from least: Int) -> Int? {
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else { return nil }
            return (least...65_535).contains(number) ? number : nil
        }
        switch parts.count {
        case 1:
            guard let both = port(parts[0], from: 1) else { break }
            (local, remote) = (both, both)
            return
        case 2:
            guard let there = port(parts[1], from: 1), let here = parts[0].isEmpty ? 0 : port(parts[0], from: 0) else { break }
            (local, remote) = (here, there)
            return
        default: break
        }
        throw ArgumentFailure(text, "not a pair of ports ([LOCAL:]REMOTE)")
    }
}

/// Connections to one port of one pod: each a ttrpc call on a connection of its own.
private struct PortForwarder: Sendable {
    let socket: String
    let pod: String
    let port: Int

    func forward(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        let client = try await DaemonClient.connect(socket)
        let call: DuplexCall<Swiftlet_Plugin_V1_PortInput, Swiftlet_Plugin_V1_PortOutput> = client.ttrpc.duplex(
            "swiftlet.plugin.v1.Streaming", "PortForward")
        var first = Swiftlet_Plugin_V1_PortInput()
        (first.start.podSandboxID, first.start.port) = (pod, UInt32(port))
        do {
            try await call.send(first)
            try await connection.executeThenClose { inbound, outbound in
                async let sent: Void = Self.send(inbound, call)
                while let message = try await call.next() {
                    if case .data(let bytes)? = message.content { try await outbound.write(ByteBuffer(bytes: bytes)) }
                }
                outbound.finish()
                try await sent
            }
        } catch let status as Status {
            await client.close()
            throw CommandFailure("forward to", "\(port)", status.message)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    private static func send(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ call: DuplexCall<Swiftlet_Plugin_V1_PortInput, Swiftlet_Plugin_V1_PortOutput>
    ) async throws {
        for try await buffer in inbound {
            var message = Swiftlet_Plugin_V1_PortInput()
            message.data = Data(buffer.readableBytesView)
            try await call.send(message)
        }
        var last = Swiftlet_Plugin_V1_PortInput()
        last.close = .init()
        try await call.send(last)
        call.endInput()
    }
}
