import Foundation
import Messages
import SwiftletClient
import TTRPC
import TTRPCNIO
import Testing

@Suite("the client for other programs", .timeLimit(.minutes(1))) struct SwiftletClientTests {
    private static func failure(_ body: () async throws -> Void) async -> CallFailure? {
        do {
            try await body()
            return nil
        } catch { return error as? CallFailure }
    }

    @Test("answers, streams, two-way calls and failures arrive in public types") func calls() async throws {
        let path = NSTemporaryDirectory() + "swl-client-\(UUID().uuidString.prefix(8)).sock"
        var routes = Routes()
        routes.unary("t.S", "Version") { (request: Runtime_V1_VersionRequest, context) in
            guard request.version != "old" else { throw Status(.failedPrecondition, "version old") }
            var answer = Runtime_V1_VersionResponse()
            answer.version = request.version + (context.metadata.first { $0.key == "more" }?.value ?? "")
            return answer
        }
        routes.serverStream("t.S", "Count") { (request: Ttrpc_KeyValue, _, stream: ResponseStream<Ttrpc_KeyValue>) in
            for number in 0..<3 {
                var message = request
                message.value = "\(number)"
                try await stream.send(message)
            }
            if request.key == "fail" { throw Status(.outOfRange, "no more") }
        }
        routes.duplex("t.S", "Echo") { (input: RequestStream<Ttrpc_KeyValue>, _, output: ResponseStream<Ttrpc_KeyValue>) in
            while let message = try await input.next() { try await output.send(message) }
        }
        let server = try await TTRPCServer.listen(path: path, routes: routes)
        let client = try await SwiftletClient.connect(to: path)

        var request = Runtime_V1_VersionRequest()
        request.version = "v1"
        let answer = try await client.call("t.S", "Version", request, as: Runtime_V1_VersionResponse.self, metadata: [("more", "+")])
        #expect(answer.version == "v1+")
        request.version = "old"
        let refusal = await Self.failure { _ = try await client.call("t.S", "Version", request, as: Runtime_V1_VersionResponse.self) }
        #expect(refusal?.code == 9 && refusal?.description == "failedPrecondition: version old")

        var key = Ttrpc_KeyValue()
        var values: [String] = []
        for try await message in client.stream("t.S", "Count", key, as: Ttrpc_KeyValue.self) { values.append(message.value) }
        #expect(values == ["0", "1", "2"])
        key.key = "fail"
        let end = await Self.failure { for try await _ in client.stream("t.S", "Count", key, as: Ttrpc_KeyValue.self) {} }
        #expect(end?.name == "outOfRange")

        let echo = client.open("t.S", "Echo", sending: Ttrpc_KeyValue.self, receiving: Ttrpc_KeyValue.self)
        try await echo.send(key)
        #expect(try await echo.next()?.key == "fail")
        echo.finishSending()
        #expect(try await echo.next() == nil)

        await client.close()
        #expect(!client.isOpen)
        await server.close()
        let gone = await Self.failure { _ = try await SwiftletClient.connect(to: path) }
        #expect(gone?.name == "unavailable")
    }
}
