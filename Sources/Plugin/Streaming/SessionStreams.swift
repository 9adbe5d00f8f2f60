internal import Glibc
internal import LinuxSys
internal import NIOCore

/// The streams of one exec or attach between their FIFOs and a client.
struct SessionStreams<Client: StreamClient>: Sendable {
    let client: Client
    /// Path of the FIFO behind stdin; nil: what the client sends is dropped.
    let stdin: String?
    /// Where the outputs come from; the session owns these descriptors.
    let outputs: [(name: OutputName, descriptor: Int32)]
    let resize: @Sendable (TerminalSize) async -> Void
    /// After the client's last byte was written.
    let endInput: @Sendable () async -> Void

    private enum End: Sendable { case output, input, finished(UInt32) }

    /// Moves bytes both ways until `wait` has returned and all output is sent; returns what `wait` did.
    /// Throws when the client has gone, or `wait` did.
    func run(_ wait: @escaping @Sendable () async throws -> UInt32) async throws -> UInt32 {
        try await withThrowingTaskGroup(of: End.self) { group in
            for (name, descriptor) in outputs {
                group.addTask {
                    try await Pumps.read(descriptor) { try await client.send($0, of: name) }
                    return .output
                }
            }
            group.addTask {
                try await input()
                return .input
            }
            group.addTask { .finished(try await wait()) }
            var (open, code) = (outputs.count, UInt32?.none)
            while let end = try await group.next() {
                switch end {
                case .output: open -= 1
                case .finished(let found): code = found
                case .input: continue
                }
                if open == 0, let code {
                    group.cancelAll()
                    // What the others say about having been cancelled is of no interest.
                    while let result = await group.nextResult() { _ = result }
                    return code
                }
            }
            throw CancellationError()
        }
    }

    private func input() async throws {
        if let stdin, let fifo = try Self.openInput(stdin) {
            try await Pumps.write(fifo) { write in
                while let event = try await client.next() {
                    switch event {
                    case .stdin(let bytes): await write(ByteBuffer(bytes: bytes))
                    case .stdinClosed: return
                    case .resize(let size): await resize(size)
                    }
                }
            }
            await endInput()
        }
        while let event = try await client.next() { if case .resize(let size) = event { await resize(size) } }
    }

    /// Nil: nobody reads it any more. A program may have ended before its client is here; its exit code is all that is left to tell.
    private static func openInput(_ path: String) throws(SysError) -> Int32? {
        do throws(SysError) {
            return try FD.open(path, O_WRONLY | O_NONBLOCK).release()
        } catch {
            guard error.errno == ENXIO else { throw error }
            return nil
        }
    }
}
