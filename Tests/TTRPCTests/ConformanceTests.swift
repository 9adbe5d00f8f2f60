import EventLoop
import Glibc
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import TaskAPI
import Testing

/// One server kind with one client kind.
struct Pairing: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let serve: @Sendable (String) async throws -> any ServerPeer
    let connect: @Sendable (String) async throws -> any ClientPeer

    static let all = [
        Pairing(
            testDescription: "loop server, NIO client", serve: { try await LoopServerPeer.start($0) },
            connect: { try await NIOClient.connect($0) }),
        Pairing(
            testDescription: "NIO server, NIO client", serve: { try await NIOServer.start($0) },
            connect: { try await NIOClient.connect($0) }),
        Pairing(
            testDescription: "NIO server, loop client", serve: { try await NIOServer.start($0) },
            connect: { try await LoopClientPeer.connect($0) }),
        Pairing(
            testDescription: "loop server, loop client", serve: { try await LoopServerPeer.start($0) },
            connect: { try await LoopClientPeer.connect($0) }),
    ]

    /// Runs `body` with a server and one connection to it, and ends both.
    func run(_ body: (any ClientPeer, any ServerPeer, String) async throws -> Void) async throws {
        let directory = try SocketDirectory()
        let server = try await serve(directory.socket)
        do {
            let client = try await connect(directory.socket)
            do { try await body(client, server, directory.socket) } catch {
                await client.close()
                throw error
            }
            await client.close()
        } catch {
            await server.close()
            throw error
        }
        await server.close()
    }
}

private func status(_ body: () async throws -> Void) async -> Status? {
    do {
        try await body()
        return nil
    } catch { return error as? Status }
}

@Suite("every server with every client") struct ConformanceTests {
    @Test("a unary call is answered", arguments: Pairing.all)
    func unary(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            #expect(try await client.call("Echo", "k", "v") == Conformance.message("k", "v"))
            #expect(try await client.call("Echo", "") == Conformance.message(""), "an empty message is one")
        }
    }

    @Test("metadata arrives", arguments: Pairing.all)
    func metadata(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            let pairs = [RequestEnvelope.Pair(key: RequestEnvelope.namespaceKey, value: "k8s.io"), .init(key: "x", value: "y")]
            #expect(try await client.call("Metadata", RequestEnvelope.namespaceKey, metadata: pairs).value == "k8s.io")
            #expect(try await client.call("Metadata", "x", metadata: pairs).value == "y")
        }
    }

    @Test("an error arrives with its code and words", arguments: Pairing.all)
    func failure(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            #expect(await status { _ = try await client.call("Fail", "") } == Conformance.failure)
        }
    }

    @Test("an unknown method or service is unimplemented, and the connection goes on", arguments: Pairing.all)
    func unimplemented(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            #expect(await status { _ = try await client.call("Nap", "") }?.code == .unimplemented)
            let stranger = RequestEnvelope(service: "no.Such", method: "Echo", payload: [])
            #expect(await status { _ = try await client.call(stranger, timeout: nil) }?.code == .unimplemented)
            #expect(try await client.call("Echo", "k").key == "k")
        }
    }

    @Test("garbage in the payload is an invalid argument", arguments: Pairing.all)
    func garbage(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            let request = RequestEnvelope(service: Conformance.service, method: "Echo", payload: [0xff, 0xff])
            #expect(await status { _ = try await client.call(request, timeout: .seconds(5)) }?.code == .invalidArgument)
        }
    }

    @Test("300 calls at one time over one connection, answered in another order", arguments: Pairing.all)
    func concurrent(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<300 {
                    group.addTask { try await client.call("Gather", "300", "\(number)").value == "\(number)" }
                }
                for try await right in group { #expect(right) }
            }
        }
    }

    @Test("a call whose time is up fails, its handler is cancelled, and other calls go on", arguments: Pairing.all)
    func timeout(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            #expect(await status { _ = try await client.call("Hang", "", timeout: .milliseconds(50)) }?.code == .deadlineExceeded)
            #expect(try await client.call("Cancelled", "k").key == "k")
        }
    }

    @Test("3 MiB go both ways; more than 4 MiB is refused either way, and the connection goes on", arguments: Pairing.all)
    func large(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            let text = String(repeating: "y", count: 3 << 20)
            #expect(try await client.call("Echo", "", text).value == text)
            #expect(await status { _ = try await client.call("Large", "\(5 << 20)") }?.code == .resourceExhausted)
            let tooMuch = RequestEnvelope(service: Conformance.service, method: "Echo", payload: [UInt8](repeating: 0, count: 5 << 20))
            #expect(await status { _ = try await client.call(tooMuch, timeout: .seconds(5)) }?.code == .resourceExhausted)
            #expect(try await client.call("Echo", "k").key == "k")
        }
    }

    @Test("a client that leaves cancels its calls", arguments: Pairing.all)
    func disconnect(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, path) async throws in
            let leaving = try await pairing.connect(path)
            let call = Task { await status { _ = try await leaving.call("Hang", "", timeout: nil) } }
            _ = try await client.call("Hung", "")
            await leaving.close()
            #expect(await call.value?.code == .unavailable)
            #expect(try await client.call("Cancelled", "k").key == "k")
        }
    }

    @Test("a server that ends fails the calls in progress", arguments: Pairing.all)
    func serverEnds(_ pairing: Pairing) async throws {
        try await pairing.run { (client, server, _) async throws in
            let call = Task { await status { _ = try await client.call("Hang", "", timeout: nil) } }
            _ = try await client.call("Hung", "")
            await server.close()
            let code = await call.value?.code
            #expect(code == .unavailable || code == .cancelled)
            #expect(await status { _ = try await client.call("Echo", "") }?.code == .unavailable)
        }
    }

    @Test("a connection to nobody fails and names the path", arguments: [Pairing.all[0], Pairing.all[2]])
    func nobody(_ pairing: Pairing) async throws {
        do {
            _ = try await pairing.connect("/nonexistent/socket")
            Issue.record("connected")
        } catch { #expect("\(error)".contains("/nonexistent/socket: no such file or directory (ENOENT)"), "\(error)") }
    }
}

private func counted(_ client: TTRPCClient, _ key: String, _ value: String = "") -> AsyncThrowingStream<Ttrpc_KeyValue, any Error> {
    client.serverStream(Conformance.service, "Count", Conformance.message(key, value))
}

@Suite("streams and hostile peers, with every server") struct ServerConformanceTests {
    @Test("a streaming answer arrives whole and in order", arguments: Pairing.all[..<2])
    func stream(_ pairing: Pairing) async throws {
        try await pairing.run { (peer, _, _) async throws in
            let client = try #require(peer as? NIOClient).client
            var numbers: [String] = []
            for try await message in counted(client, "3000") {
                numbers.append(message.key)
            }
            #expect(numbers == (0..<3000).map { "\($0)" })
            for try await _ in counted(client, "0") {
                Issue.record("a message in an empty stream")
            }
        }
    }

    @Test("an error ends a stream after its messages", arguments: Pairing.all[..<2])
    func failingStream(_ pairing: Pairing) async throws {
        try await pairing.run { (peer, _, _) async throws in
            let client = try #require(peer as? NIOClient).client
            var count = 0
            let failure = await status {
                for try await _ in counted(client, "3", "fail") {
                    count += 1
                }
            }
            #expect(failure == Conformance.failure)
            #expect(count == 3)
        }
    }

    @Test("a stream that its reader leaves does not disturb other calls", arguments: Pairing.all[..<2])
    func leftStream(_ pairing: Pairing) async throws {
        try await pairing.run { (peer, _, _) async throws in
            let client = try #require(peer as? NIOClient).client
            for try await _ in counted(client, "2000") { break }
            #expect(try await peer.call("Echo", "k").key == "k")
        }
    }

    @Test("a cancelled task ends its call at once", arguments: Pairing.all[..<2])
    func cancelled(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, _) async throws in
            let call = Task { await status { _ = try await client.call("Hang", "", timeout: nil) } }
            _ = try await client.call("Hung", "")
            call.cancel()
            #expect(await call.value?.code == .cancelled)
            let never = Task {
                unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
                return await status { _ = try await client.call("Hang", "", timeout: nil) }
            }
            #expect(await never.value?.code == .cancelled, "cancelled before it began")
            #expect(try await client.call("Echo", "k").key == "k")
        }
    }

    @Test(
        "silence, garbage, half frames and large claims are told so where they can be; others do not notice", arguments: Pairing.all[..<2])
    func hostile(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, path) async throws in
            let silent = try FD.connect(to: path)
            let half = try FD.connect(to: path)
            #expect(try half.sendSome([0, 0, 0, 9, 0, 0]) == .bytes(6))
            let claims = try FD.connect(to: path)
            #expect(try claims.sendSome([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0, 1, 2, 3]) == .bytes(13))
            #expect(try await answer(claims).status.code == .resourceExhausted)
            let strange: [[UInt8]] = [
                [0, 0, 0, 0, 0, 0, 0, 1, 9, 0], [0, 0, 0, 0, 0, 0, 0, 2, 1, 0], [0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0xff],
            ]
            for bad in strange {
                let garbage = try FD.connect(to: path)
                #expect(try garbage.sendSome(bad) == .bytes(bad.count))
                #expect(try await answer(garbage).status.code == .invalidArgument)
            }
            #expect(try await client.call("Echo", "k").key == "k")
            withExtendedLifetime((silent.raw, half.raw)) {}
        }
    }

    @Test("a connection of another user is closed", .enabled(if: effectiveUserID() == 0, "needs root"))
    func stranger() async throws {
        await #expect(processExitsWith: .success) {
            for pairing in Pairing.all[..<2] {
                try await pairing.run { (client, _, path) async throws in
                    _ = unsafe chmod(path, 0o666)
                    guard unsafe chmod(String(path.dropLast(2)), 0o755) == 0, seteuid(65534) == 0 else { exit(1) }
                    // The kernel keeps the user of this moment (SO_PEERCRED).
                    let socket = try FD.connect(to: path)
                    guard seteuid(0) == 0 else { exit(2) }
                    try socket.setNonBlocking(false)
                    var buffer = [UInt8](repeating: 0, count: 16)
                    guard try socket.read(into: &buffer) == .ended else { exit(3) }
                    guard try await client.call("Echo", "k").key == "k" else { exit(4) }
                }
            }
        }
    }

    @Test("a peer that asks for 48 MiB and reads nothing does not disturb others", arguments: Pairing.all[..<2])
    func neverReads(_ pairing: Pairing) async throws {
        try await pairing.run { (client, _, path) async throws in
            let greedy = try FD.connect(to: path)
            let payload: [UInt8] = try Conformance.message("\(3 << 20)").serializedBytes()
            let request = RequestEnvelope(service: Conformance.service, method: "Large", payload: payload)
            var bytes: [UInt8] = []
            for number in 0..<16 as Range<UInt32> {
                Frame(stream: number * 2 + 1, kind: .request, payload: ProtobufCEnvelope.encode(request)).append(to: &bytes)
            }
            #expect(try greedy.sendSome(bytes) == .bytes(bytes.count))
            for _ in 0..<20 { #expect(try await client.call("Echo", "k").key == "k") }
            withExtendedLifetime(greedy.raw) {}
        }
    }

    /// The one response that comes back.
    private func answer(_ socket: borrowing FD) async throws -> ResponseEnvelope {
        try socket.setNonBlocking(false)
        var decoder = FrameDecoder()
        while true {
            var buffer = [UInt8](repeating: 0, count: 4096)
            guard case .bytes(let count) = try socket.read(into: &buffer) else { throw Status(.unavailable, "closed") }
            decoder.append(buffer[..<count])
            guard case .frame(let frame) = decoder.next() else { continue }
            guard let response = ProtobufCEnvelope.decodeResponse(frame.payload) else { throw Status(.internal, "no response") }
            return response
        }
    }
}
