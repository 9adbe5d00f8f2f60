import EventLoop
import LinuxSys
import Messages
import SwiftProtobuf
import Synchronization
import TTRPC
import TTRPCLoop
import TTRPCNIO
import TaskAPI

/// The same small service from every server under test. Requests and answers are ttrpc.KeyValue.
///
/// Echo: the request. Metadata: the first value under the request's key. Fail: notFound.
/// Hang: nothing, until cancelled. Hung: answers when a Hang has begun. Cancelled: answers when a Hang was cancelled. Gather: answers when `key` of them have come, last first.
/// Large: a value of `key` bytes. Count: a stream of `key` messages; with value "fail", an error after them.
enum Conformance {
    static let service = "conformance.Test"
    static func message(_ key: String, _ value: String = "") -> Ttrpc_KeyValue {
        Ttrpc_KeyValue.with { ($0.key, $0.value) = (key, value) }
    }
    static let failure = Status(.notFound, "nothing here: ä")
}

protocol ServerPeer: Sendable {
    static func start(_ path: String) async throws -> Self
    func close() async
}

protocol ClientPeer: Sendable {
    static func connect(_ path: String) async throws -> Self
    func call(_ request: RequestEnvelope, timeout: Duration?) async throws(Status) -> [UInt8]
    func close() async
}

extension ClientPeer {
    func call(
        _ method: String, _ key: String, _ value: String = "", timeout: Duration? = .seconds(50), metadata: [RequestEnvelope.Pair] = []
    ) async throws -> Ttrpc_KeyValue {
        let payload: [UInt8] = try Conformance.message(key, value).serializedBytes()
        let request = RequestEnvelope(service: Conformance.service, method: method, payload: payload, metadata: metadata)
        return try Ttrpc_KeyValue(serializedBytes: try await call(request, timeout: timeout))
    }
}

/// A count that can be waited for.
actor Counter {
    private var count = 0
    private var waiting: [(Int, CheckedContinuation<Void, Never>)] = []

    func add() {
        count += 1
        let now = count
        for (_, continuation) in waiting.filter({ $0.0 <= now }) { continuation.resume() }
        waiting.removeAll { $0.0 <= now }
    }

    func reach(_ wanted: Int) async {
        guard count < wanted else { return }
        await withCheckedContinuation { waiting.append((wanted, $0)) }
    }
}

// MARK: SwiftNIO

struct NIOServer: ServerPeer {
    let server: TTRPCServer

    static func start(_ path: String) async throws -> NIOServer {
        let hung = Counter()
        let cancelled = Counter()
        let gathered = Counter()
        var routes = Routes()
        routes.unary(Conformance.service, "Echo") { (request: Ttrpc_KeyValue, _) in request }
        routes.unary(Conformance.service, "Metadata") { (request: Ttrpc_KeyValue, context) in
            Conformance.message("", context.metadata(request.key) ?? "")
        }
        routes.unary(Conformance.service, "Fail") { (_: Ttrpc_KeyValue, _) -> Ttrpc_KeyValue in throw Conformance.failure }
        routes.unary(Conformance.service, "Hang") { (_: Ttrpc_KeyValue, _) -> Ttrpc_KeyValue in
            await hung.add()
            do { while true { try await Task.sleep(for: .seconds(3600)) } } catch {
                await cancelled.add()
                throw error
            }
        }
        routes.unary(Conformance.service, "Hung") { (request: Ttrpc_KeyValue, _) in
            await hung.reach(1)
            return request
        }
        routes.unary(Conformance.service, "Cancelled") { (request: Ttrpc_KeyValue, _) in
            await cancelled.reach(1)
            return request
        }
        routes.unary(Conformance.service, "Gather") { (request: Ttrpc_KeyValue, _) in
            await gathered.add()
            await gathered.reach(Int(request.key) ?? 0)
            return request
        }
        routes.unary(Conformance.service, "Large") { (request: Ttrpc_KeyValue, _) in
            Conformance.message("", String(repeating: "x", count: Int(request.key) ?? 0))
        }
        routes.serverStream(Conformance.service, "Count") { (request: Ttrpc_KeyValue, _, stream: ResponseStream<Ttrpc_KeyValue>) in
            for number in 0..<(Int(request.key) ?? 0) { try await stream.send(Conformance.message("\(number)")) }
            if request.value == "fail" { throw Conformance.failure }
        }
        return NIOServer(server: try await TTRPCServer.listen(path: path, routes: routes))
    }

    func close() async { await server.close() }
}

struct NIOClient: ClientPeer {
    let client: TTRPCClient
    static func connect(_ path: String) async throws -> NIOClient { NIOClient(client: try await TTRPCClient.connect(path: path)) }
    func call(_ request: RequestEnvelope, timeout: Duration?) async throws(Status) -> [UInt8] {
        var request = request
        if let timeout { request.timeout = timeout.components.seconds * 1_000_000_000 + timeout.components.attoseconds / 1_000_000_000 }
        return try await client.call(request, timeout: timeout)
    }
    func close() async { await client.close() }
}

// MARK: The event loop

final class LoopServerPeer: ServerPeer {
    private let thread: LoopThread
    private let server: OnLoop<LoopServer?>
    private let closed = Atomic(false)

    private init(_ thread: LoopThread, _ server: OnLoop<LoopServer?>) {
        self.thread = thread
        self.server = server
    }

    static func start(_ path: String) async throws -> LoopServerPeer {
        let thread = try LoopThread()
        let server = try await thread.run { loop in
            let service = LoopConformance(loop)
            return OnLoop(
                Optional(try LoopServer(loop: loop, codec: ProtobufCEnvelope.self, listener: FD.listen(at: path)) { service.handle($0) }))
        }
        return LoopServerPeer(thread, server)
    }

    func close() async {
        guard !closed.exchange(true, ordering: .relaxed) else { return }
        let server = server
        try? await thread.run { _ in
            server.value?.close()
            server.value = nil
        }
        thread.stop()
    }
}

/// The conformance service as a shim would write it: every call ends by a callback.
private final class LoopConformance {
    private let loop: EventLoop
    private var hung = 0
    private var cancelled = 0
    private var waiting: [(until: () -> Bool, call: ServerCall)] = []
    private var gathered: [(ServerCall, [UInt8])] = []

    init(_ loop: EventLoop) { self.loop = loop }

    func handle(_ call: ServerCall) {
        let payload = call.request.payload
        guard call.request.service == Conformance.service else { return call.fail(Status(.unimplemented, "service")) }
        guard let message = try? Ttrpc_KeyValue(serializedBytes: payload) else { return call.fail(Status(.invalidArgument, "message")) }
        switch call.request.method {
        case "Echo": loop.soon { call.reply(payload) }
        case "Fail": call.fail(Conformance.failure)
        case "Metadata": reply(call, call.request.metadata.first { $0.key == message.key }?.value ?? "")
        case "Large": reply(call, String(repeating: "x", count: Int(message.key) ?? 0))
        case "Hang":
            hung += 1
            call.onCancel = {
                self.cancelled += 1
                self.look()
            }
            look()
        case "Hung": wait(call) { self.hung > 0 }
        case "Cancelled": wait(call) { self.cancelled > 0 }
        case "Gather":
            gathered.append((call, payload))
            guard gathered.count == Int(message.key) else { return }
            for (call, payload) in gathered.reversed() { call.reply(payload) }
        case "Count": count(call, message, 0)
        default: call.fail(Status(.unimplemented, "method"))
        }
    }

    private func wait(_ call: ServerCall, until: @escaping () -> Bool) {
        waiting.append((until, call))
        look()
    }

    private func look() {
        for (until, call) in waiting where until() { call.reply(call.request.payload) }
        waiting.removeAll { $0.until() }
    }

    private func reply(_ call: ServerCall, _ value: String) {
        call.reply((try? Conformance.message("", value).serializedBytes()) ?? [])
    }

    /// As many as the connection takes, the rest when it has room again.
    private func count(_ call: ServerCall, _ message: Ttrpc_KeyValue, _ start: Int) {
        let end = Int(message.key) ?? 0
        for number in start..<max(start, end) {
            guard let bytes: [UInt8] = try? Conformance.message("\(number)").serializedBytes() else { return }
            guard call.send(bytes) else {
                if !call.isCancelled { loop.after(nanoseconds: 1_000_000) { self.count(call, message, number) } }
                return
            }
        }
        if message.value == "fail" { call.fail(Conformance.failure) } else { call.finish() }
    }
}

final class LoopClientPeer: ClientPeer {
    private let thread: LoopThread
    private let client: OnLoop<LoopClient>
    private let closed = Atomic(false)

    private init(_ thread: LoopThread, _ client: OnLoop<LoopClient>) {
        self.thread = thread
        self.client = client
    }

    static func connect(_ path: String) async throws -> LoopClientPeer {
        let thread = try LoopThread()
        let client = try await thread.run { OnLoop(try LoopClient(loop: $0, codec: ProtobufCEnvelope.self, path: path)) }
        return LoopClientPeer(thread, client)
    }

    func call(_ request: RequestEnvelope, timeout: Duration?) async throws(Status) -> [UInt8] {
        let client = client
        let deadline = timeout.map { UInt64($0.components.seconds) * 1_000_000_000 + UInt64($0.components.attoseconds / 1_000_000_000) }
        let result = await withCheckedContinuation { continuation in
            thread.post { _ in client.value.call(request, deadline: deadline) { continuation.resume(returning: $0) } }
        }
        let response = try result.get()
        guard response.status == .ok else { throw response.status }
        return response.payload
    }

    func close() async {
        guard !closed.exchange(true, ordering: .relaxed) else { return }
        let client = client
        try? await thread.run { _ in client.value.close() }
        thread.stop()
    }
}
