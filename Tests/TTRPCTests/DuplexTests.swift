import Foundation
import Messages
import TTRPC
import TTRPCNIO
import Testing

@Suite("calls in which both sides send", .timeLimit(.minutes(1))) struct DuplexTests {
    typealias Message = Ttrpc_KeyValue
    static let service = "test.Duplex"

    /// What the handlers of a server have come to.
    actor Ends {
        private var ends: [String] = []
        private var waiters: [CheckedContinuation<String, Never>] = []

        func add(_ end: String) {
            if waiters.isEmpty { ends.append(end) } else { waiters.removeFirst().resume(returning: end) }
        }

        func next() async -> String {
            if ends.isEmpty { return await withCheckedContinuation { waiters.append($0) } }
            return ends.removeFirst()
        }
    }

    static func message(_ key: String, _ value: String = "") -> Message {
        var message = Message()
        (message.key, message.value) = (key, value)
        return message
    }

    static func run(_ body: (TTRPCClient, Ends, String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "swl-duplex-\(UUID().uuidString.prefix(8)).sock"
        let ends = Ends()
        var routes = Routes()
        routes.duplex(service, "Echo") { (input: RequestStream<Message>, _, output: ResponseStream<Message>) in
            do {
                while let message = try await input.next() { try await output.send(message) }
                try await output.send(Self.message("end"))
                await ends.add("ended")
            } catch {
                await ends.add("\((error as? Status)?.code ?? .unknown)")
                throw error
            }
        }
        // Reads when it is told to: by a second call.
        routes.duplex(service, "Late") { (input: RequestStream<Message>, _, output: ResponseStream<Message>) in
            _ = await ends.next()
            var bytes = 0
            while let message = try await input.next() { bytes += message.value.utf8.count }
            try await output.send(Self.message("\(bytes)"))
        }
        routes.duplex(service, "Fail") { (input: RequestStream<Message>, _, output: ResponseStream<Message>) in
            if let first = try await input.next() { try await output.send(first) }
            throw Status(.aborted, "enough")
        }
        routes.unary(service, "Unary") { (request: Message, _) in request }
        let server = try await TTRPCServer.listen(path: path, routes: routes)
        let client = try await TTRPCClient.connect(path: path)
        do {
            try await body(client, ends, path)
        } catch {
            await client.close()
            await server.close()
            throw error
        }
        await client.close()
        await server.close()
    }

    @Test("messages go both ways as they come, many calls at a time, and the end of one side is not that of the other")
    func echo() async throws {
        try await Self.run { client, _, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for call in 0..<20 {
                    group.addTask {
                        let stream: DuplexCall<Message, Message> = client.duplex(Self.service, "Echo")
                        for number in 0..<50 {
                            try await stream.send(Self.message("\(call)-\(number)"))
                            #expect(try await stream.next()?.key == "\(call)-\(number)")
                        }
                        stream.endInput()
                        #expect(try await stream.next()?.key == "end")
                        #expect(try await stream.next() == nil)
                        await #expect(throws: Status.self) { try await stream.send(Self.message("late")) }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("a handler that reads late slows its client down, and gets every byte") func backPressure() async throws {
        try await Self.run { client, ends, _ in
            let stream: DuplexCall<Message, Message> = client.duplex(Self.service, "Late")
            let block = String(repeating: "x", count: 128 << 10)
            // More than the queue and the socket hold: all of it cannot be sent before the handler reads, which it does when half is.
            for number in 0..<32 {
                if number == 4 { await ends.add("go") }
                try await stream.send(Self.message("", block))
            }
            stream.endInput()
            #expect(try await stream.next()?.key == "\(4 << 20)")
        }
    }

    @Test("a reader that is late slows the server down, and gets every message") func slowReader() async throws {
        try await Self.run { client, ends, _ in
            let stream: DuplexCall<Message, Message> = client.duplex(Self.service, "Echo")
            let block = String(repeating: "x", count: 128 << 10)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<32 {
                        try await stream.send(Self.message("\(number)", block))
                        if number == 4 { await ends.add("five are sent") }
                    }
                    stream.endInput()
                }
                // Both directions hold some 3 MiB; the sender stands still before its 32 messages are sent.
                #expect(await ends.next() == "five are sent")
                var keys: [String] = []
                while let message = try await stream.next() { keys.append(message.key) }
                try await group.waitForAll()
                #expect(keys == (0..<32).map { "\($0)" } + ["end"])
            }
        }
    }

    @Test("a client that goes ends its handlers") func gone() async throws {
        try await Self.run { client, ends, path in
            let leaving = try await TTRPCClient.connect(path: path)
            let stream: DuplexCall<Message, Message> = leaving.duplex(Self.service, "Echo")
            try await stream.send(Self.message("a"))
            #expect(try await stream.next()?.key == "a")
            await leaving.close()
            #expect(await ends.next() == "cancelled")
            let error = await #expect(throws: Status.self) { try await stream.next() }
            #expect(error?.code == .unavailable)
            let still: Message = try await client.unary(Self.service, "Unary", Self.message("k"))
            #expect(still.key == "k")
        }
    }

    @Test("what a handler fails with is the end of the call, after its messages") func failure() async throws {
        try await Self.run { client, _, _ in
            let stream: DuplexCall<Message, Message> = client.duplex(Self.service, "Fail")
            try await stream.send(Self.message("a"))
            #expect(try await stream.next()?.key == "a")
            let error = await #expect(throws: Status.self) { try await stream.next() }
            #expect(error == Status(.aborted, "enough"))
        }
    }

    @Test("a call of another shape is refused by name") func shapes() async throws {
        try await Self.run { client, _, _ in
            let open: DuplexCall<Message, Message> = client.duplex(Self.service, "Unary")
            #expect(await #expect(throws: Status.self) { try await open.next() }?.code == .unimplemented)
            let unary = await #expect(throws: Status.self) {
                let _: Message = try await client.unary(Self.service, "Echo", Self.message(""))
            }
            #expect(unary?.code == .invalidArgument && unary?.message.contains("test.Duplex/Echo") ?? false)
        }
    }
}
