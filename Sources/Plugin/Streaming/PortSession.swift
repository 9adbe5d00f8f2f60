internal import LinuxSys
internal import NIOCore
internal import NIOPosix

/// One TCP connection into a pod.
struct PortSession: Sendable {
    static let patience: Int32 = 10

    private let channel: NIOAsyncChannel<ByteBuffer, Never>

    /// Connects to `localhost:port` inside the pod's network namespace, or on the node for a pod with the node's network.
    static func connect(_ pod: PodActor, port: UInt32) async throws(PluginError) -> PortSession {
        guard let port = UInt16(exactly: port), port > 0 else { throw .invalid(field: "port", reason: "\(port) is no port") }
        let namespace = try await pod.networkNamespace()
        let socket = try await offPool { try FD.connectLoopback(port: port, in: namespace, seconds: patience).release() }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .withConnectedSocket(socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, Never>(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4)))
                    }
                }
            return PortSession(channel: channel)
        } catch {
            throw .kernel(operation: "connect", subject: "port \(port)", reason: "\(error)")
        }
    }

    /// Moves bytes both ways until both ends have closed, or the pod's has and `send` has taken all of it. `next` gives what the client
    /// sends and nil at its end.
    func run(
        next: @escaping @Sendable () async throws -> [UInt8]?, send: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) async throws {
        let channel = channel
        try await channel.executeThenClose { inbound in
            let raw = channel.channel
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await withTaskCancellationHandler {
                        do {
                            while let bytes = try await next() {
                                // A peer that has closed takes nothing more; what it sends back is still to be read.
                                try? await raw.writeAndFlush(ByteBuffer(bytes: bytes)).get()
                            }
                        } catch {
                            // A client that has gone is not waited for until the pod's program says something.
                            raw.close(promise: nil)
                            throw error
                        }
                        try? await raw.close(mode: .output).get()
                    } onCancel: {
                        raw.close(promise: nil)
                    }
                    return false
                }
                // The reading end: when the pod's program has closed its side there is nothing more to wait for.
                for try await buffer in inbound { try await send(buffer) }
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
        }
    }
}

extension PodActor {
    /// Path of the pod's network namespace; nil: the node's.
    func networkNamespace() async throws(PluginError) -> String? {
        try await requireReady()
        return plan.network == .pod ? paths.network : nil
    }
}
