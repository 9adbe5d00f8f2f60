internal import Glibc
internal import LinuxSys
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Two FIFOs for the output of one exec. A writer of ours keeps each from ending before the shim has opened it.
final class ExecStreams: Sendable {
    let stdout: String
    let stderr: String
    private let directory: String
    private let readers: Mutex<[FDBox]>
    private let writers: Mutex<[FDBox]>

    init(_ directory: String) throws(SysError) {
        self.directory = directory
        (stdout, stderr) = (directory + "/stdout", directory + "/stderr")
        try Directory.make(directory, mode: 0o700)
        var opened: ([FDBox], [FDBox]) = ([], [])
        do throws(SysError) {
            for path in [stdout, stderr] {
                try checkErrno("mkfifo", on: path) { unsafe mkfifo(path, 0o600) }
                opened.0.append(FDBox(try FD.open(path, O_RDONLY | O_NONBLOCK)))
                opened.1.append(FDBox(try FD.open(path, O_WRONLY)))
            }
        } catch {
            try? Directory.removeTree(directory)
            throw error
        }
        readers = Mutex(opened.0)
        writers = Mutex(opened.1)
    }

    /// A descriptor that the caller owns from now on.
    func takeReader(_ index: Int) throws(SysError) -> Int32 {
        let box = readers.withLock { $0[index] }
        return try box.fd.duplicate().release()
    }

    func closeWriters() {
        readers.withLock { $0 = [] }
        writers.withLock { $0 = [] }
    }

    func remove() {
        closeWriters()
        try? Directory.removeTree(directory)
    }
}

/// Reads a pipe to its end and keeps the first `limit` bytes; the rest is read and dropped, so that the writer goes on.
final class OutputCollector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private struct Kept {
        var bytes: [UInt8] = []
        var wasCut = false
    }

    private let kept = Mutex(Kept())
    private let limit: Int
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    private init(limit: Int) { self.limit = limit }

    /// Takes over `descriptor`.
    static func start(_ descriptor: Int32, limit: Int) async throws -> OutputCollector {
        let collector = OutputCollector(limit: limit)
        do {
            let channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in channel.pipeline.addHandler(collector) }
                .takingOwnershipOfDescriptor(input: descriptor).get()
            collector.channel.withLock { $0 = channel }
            return collector
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        kept.withLock { kept in
            let room = limit - kept.bytes.count
            if buffer.readableBytes > room { kept.wasCut = true }
            kept.bytes.append(contentsOf: buffer.readableBytesView.prefix(room))
        }
    }

    /// What came until the end of the stream, or until the time is over.
    func bytes(within limit: Duration) async -> (bytes: [UInt8], wasCut: Bool) {
        if let channel = channel.withLock({ $0 }) {
            let timer = Task {
                try await Task.sleep(for: limit)
                try await channel.close()
            }
            try? await channel.closeFuture.get()
            timer.cancel()
        }
        return kept.withLock { ($0.bytes, $0.wasCut) }
    }
}
