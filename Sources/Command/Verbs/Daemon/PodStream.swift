internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import Messages
internal import Synchronization
internal import TTRPC
internal import TTRPCNIO

/// `exec` and `attach` of swiftletd's containers: one ttrpc call in which both sides speak (proto/swiftlet/plugin/v1/streaming.proto), on a
/// connection of its own. The command of an exec ends with the connection; a container that was attached to goes on.
struct PodStream: Sendable {
    typealias Input = Swiftlet_Plugin_V1_CommandInput
    typealias Output = Swiftlet_Plugin_V1_CommandOutput

    let terminal: Bool
    let stdin: Bool
    /// Ctrl-P Ctrl-Q on a terminal leaves the container alone.
    let detaches: Bool

    /// Returns the exit status. `first` says what the call is for.
    func run(_ method: String, _ first: Input, about name: String, _ client: DaemonClient) async throws -> Int32 {
        let call: DuplexCall<Input, Output> = client.ttrpc.duplex("swiftlet.plugin.v1.Streaming", method)
        let end = EarlyEnd()
        let raw = terminal && stdin ? try RawTerminal(0) : nil
        defer { raw?.restore() }
        let signals = Task { await watch(call, client, end) }
        defer { signals.cancel() }
        do throws(Status) {
            try await call.send(first)
            if terminal { try await Self.sendSize(call) }
            if stdin { relayInput(call, client, end) }
            return try await copyOutput(call)
        } catch {
            if let status = end.status { return status }
            throw CommandFailure(method.lowercased(), name, error.message)
        }
    }

    private func copyOutput(_ call: DuplexCall<Input, Output>) async throws(Status) -> Int32 {
        var status: Int32?
        while let message = try await call.next() {
            switch message.content {
            case .stdout(let bytes): StandardStream.output.write(Array(bytes))
            case .stderr(let bytes): StandardStream.error.write(Array(bytes))
            case .exited(let exit): status = Int32(exit.code & 0xff)
            case .started, nil: break
            }
        }
        guard let status else { throw Status(.unavailable, "the stream ended without an exit code") }
        return status
    }

    /// A new size goes to the command; every other signal ends the call.
    private func watch(_ call: DuplexCall<Input, Output>, _ client: DaemonClient, _ end: EarlyEnd) async {
        for await signal in SignalQueue().signals {
            if signal == SIGWINCH {
                if terminal { try? await Self.sendSize(call) }
            } else {
                end.set(128 + signal)
                await client.close()
                return
            }
        }
    }

    private static func sendSize(_ call: DuplexCall<Input, Output>) async throws(Status) {
        guard let size = TerminalSize.of(0) ?? TerminalSize.of(1) else { return }
        var message = Input()
        (message.resize.width, message.resize.height) = (UInt32(size.columns), UInt32(size.rows))
        try await call.send(message)
    }

    /// On a thread of its own: reading stdin blocks. A chunk is read when the one before is on its way.
    private func relayInput(_ call: DuplexCall<Input, Output>, _ client: DaemonClient, _ end: EarlyEnd) {
        let watchesKeys = detaches && terminal
        startThread {
            var keys = DetachKeys()
            while let chunk = Self.read() {
                if watchesKeys, keys.areComplete(after: chunk) {
                    end.set(0)
                    Task { await client.close() }
                    return
                }
                var message = Input()
                message.stdin = Data(chunk)
                guard Self.send(message, call) else { return }
            }
            var last = Input()
            last.closeStdin = .init()
            _ = Self.send(last, call)
        }
    }

    /// From a thread that may block. False when nobody takes it any more.
    private static func send(_ message: Input, _ call: DuplexCall<Input, Output>) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let outcome = EarlyEnd()
        Task {
            if (try? await call.send(message)) != nil { outcome.set(0) }
            done.signal()
        }
        done.wait()
        return outcome.status != nil
    }

    /// Nil at the end.
    private static func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 32_768)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
            if count > 0 { return Array(buffer[..<count]) }
            if count < 0, errno == EAGAIN {
                var wait = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
                unsafe poll(&wait, 1, -1)
            } else if count == 0 || errno != EINTR {
                return nil
            }
        }
    }
}

/// A status that somebody other than the command has decided on: the first that is set counts.
private final class EarlyEnd: Sendable {
    private let state = Mutex<Int32?>(nil)
    var status: Int32? { state.withLock { $0 } }
    func set(_ status: Int32) { state.withLock { if $0 == nil { $0 = status } } }
}

/// Ctrl-P Ctrl-Q, as docker and podman have it.
package struct DetachKeys: Equatable, Sendable {
    private var sawFirst = false

    package init() {}

    /// Also when they come in two chunks.
    package mutating func areComplete(after chunk: [UInt8]) -> Bool {
        for byte in chunk {
            if sawFirst && byte == 0x11 { return true }
            sawFirst = byte == 0x10
        }
        return false
    }
}
