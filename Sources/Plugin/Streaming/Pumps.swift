internal import Glibc
internal import LinuxSys
internal import NIOCore
internal import NIOPosix

/// Bytes from and to descriptors, one piece at a time: whoever takes them slowly slows down whoever gives them.
enum Pumps {
    /// Everything from a pipe, until its end. Takes over `descriptor`.
    static func read(_ descriptor: Int32, _ body: (ByteBuffer) async throws -> Void) async throws {
        let channel: NIOAsyncChannel<ByteBuffer, Never>
        do {
            channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .takingOwnershipOfDescriptor(input: descriptor) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4)))
                    }
                }
        } catch {
            _ = close(descriptor)
            throw error
        }
        try await channel.executeThenClose { inbound in
            for try await buffer in inbound { try await body(buffer) }
        }
    }

    /// Lets `body` write to a pipe; afterwards it is closed, with all that was written in it. A reader that has gone is no error: what
    /// would have been for it is dropped. Takes over `descriptor`.
    static func write(_ descriptor: Int32, _ body: (@Sendable (ByteBuffer) async -> Void) async throws -> Void) async throws {
        let channel: any Channel
        do {
            channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .takingOwnershipOfDescriptor(output: descriptor).get()
        } catch {
            _ = close(descriptor)
            throw error
        }
        defer { channel.close(promise: nil) }
        try await withTaskCancellationHandler {
            try await body { buffer in try? await channel.writeAndFlush(buffer).get() }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// Runs `body` to its end although the caller's task is cancelled: what is to be cleared away is cleared away.
func evenIfCancelled(_ body: @escaping @Sendable () async -> Void) async { await Task { await body() }.value }
