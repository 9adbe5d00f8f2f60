internal import LinuxSys
internal import SwiftProtobuf
internal import TTRPC
internal import TTRPCNIO

/// The connection to the plugin, made again when it is lost: a plugin that is started anew is the same node.
actor RuntimeConnection {
    let socket: String
    private var client: TTRPCClient?
    /// How long a plugin may be away before a call fails.
    private static let patience: UInt64 = 30_000_000_000

    init(socket: String, client: TTRPCClient) { (self.socket, self.client) = (socket, client) }

    func current() async throws(Status) -> TTRPCClient {
        let deadline = monotonicNanoseconds() + Self.patience
        while true {
            if let client, client.isOpen { return client }
            do throws(Status) {
                let fresh = try await TTRPCClient.connect(path: socket)
                // Another call may have been faster.
                if let client, client.isOpen {
                    await fresh.close()
                    return client
                }
                client = fresh
                return fresh
            } catch {
                guard monotonicNanoseconds() < deadline else { throw error }
            }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { throw Status(.cancelled, "connect \(socket): cancelled") }
        }
    }

    func close() async { await client?.close() }
}

/// What a call becomes when the connection is lost before its answer.
enum Loss { case again, fail }

extension RuntimeConnection {
    /// `again`: the call means the same when it is made twice.
    nonisolated func call<Q: Message, A: Message>(
        _ service: String, _ method: String, _ request: Q, as answer: A.Type = A.self, timeout: Duration, onLoss: Loss
    ) async throws(Status) -> A {
        while true {
            let client = try await current()
            do throws(Status) {
                return try await client.unary(service, method, request, as: answer, timeout: timeout)
            } catch {
                guard error.code == .unavailable, !client.isOpen, onLoss == .again else { throw error }
            }
        }
    }
}
