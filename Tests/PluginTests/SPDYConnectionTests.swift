import NIOCore
import NIOEmbedded
import OCI
import SPDY
import Synchronization
import TTRPC
import Testing

@testable import Plugin

/// A client of SPDY at a channel that is in memory alone.
private final class Client {
    let channel: NIOAsyncTestingChannel
    private var encoder = FrameEncoder()
    private var decoder = SPDY.FrameDecoder()

    init(_ service: (any Channel) -> any SPDYService) async throws {
        channel = NIOAsyncTestingChannel()
        let handler = SPDYHandler(service(channel))
        let box = NIOLoopBoundBox.makeBoxSendingValue(handler, eventLoop: channel.eventLoop)
        let channel = channel
        try await channel.eventLoop.submit { try channel.pipeline.syncOperations.addHandler(box.value) }.get()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
    }

    func send(_ frames: SPDY.Frame...) async throws {
        for frame in frames { try await send(encoder.encode(frame)) }
    }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeInbound(ByteBuffer(bytes: bytes)) }

    func data(_ stream: UInt32, _ text: String, isLast: Bool = false) async throws {
        try await send(FrameEncoder.dataHead(stream: stream, count: text.utf8.count, isLast: isLast) + Array(text.utf8))
    }

    func open(_ stream: UInt32, _ headers: Headers) async throws { try await send(.synStream(.init(stream: stream, headers: headers))) }

    /// What the server has sent so far.
    func received() async throws -> [SPDY.FrameEvent] {
        var found: [SPDY.FrameEvent] = []
        while let buffer = try await channel.readOutbound(as: ByteBuffer.self) {
            decoder.append(buffer.readableBytesView)
            while let event = try decoder.next() { found.append(event) }
        }
        return found
    }
}

private final class Record: SPDYService {
    let said = Mutex<[String]>([])

    func opened(_ stream: UInt32, _ headers: Headers) -> Bool {
        said.withLock { $0.append("opened \(stream)") }
        return headers["refuse"] == nil
    }
    func arrived(_ bytes: [UInt8], on stream: UInt32) {
        said.withLock { $0.append("\(stream): \(String(decoding: bytes, as: UTF8.self))") }
    }
    func ended(_ stream: UInt32) { said.withLock { $0.append("ended \(stream)") } }
    func reset(_ stream: UInt32) { said.withLock { $0.append("reset \(stream)") } }
    func gone(_ reason: String) { said.withLock { $0.append("gone: \(reason)") } }
    var isFull: Bool { false }
}

@Suite("SPDY connections") struct SPDYConnectionTests {
    @Test("what the client does arrives in order, and is answered") func frames() async throws {
        let record = Record()
        let client = try await Client { _ in record }
        try await client.open(1, [:])
        try await client.open(3, ["refuse": "1"])
        try await client.data(1, "hello", isLast: true)
        try await client.send(.ping(5), .reset(stream: 1, .cancel))
        #expect(record.said.withLock { $0 } == ["opened 1", "opened 3", "1: hello", "ended 1", "reset 1"])
        #expect(
            try await client.received() == [
                .frame(.synReply(stream: 1, [:], isLast: false)), .frame(.reset(stream: 3, .refusedStream)), .frame(.ping(5)),
            ])
        try await client.channel.close().get()
        #expect(record.said.withLock { $0.last } == "gone: the client has gone")
    }

    @Test("output goes out until its end, and none after the client's reset") func output() async throws {
        let client = try await Client { _ in Record() }
        let connection = SPDYConnection(channel: client.channel)
        try await client.open(1, [:])
        try await client.open(3, [:])
        _ = try await client.received()
        try await connection.send(1, ByteBuffer(string: "a"))
        try await connection.send(1, ByteBuffer(string: "b"), isLast: true)
        try await connection.send(1, ByteBuffer(string: "c"))
        try await client.send(.reset(stream: 3, .cancel))
        try await connection.send(3, ByteBuffer(string: "d"))
        #expect(try await client.received() == [.data(stream: 1, [0x61], isLast: false), .data(stream: 1, [0x62], isLast: true)])
    }

    @Test("what is no SPDY ends the connection, and says so first") func garbage() async throws {
        let record = Record()
        let client = try await Client { _ in record }
        try await client.open(1, [:])
        _ = try await client.received()
        // A control frame of HTTP's letters, as it were.
        try await client.send([0x80 | 0x47, 0x45] + Array("T / HTTP/1.1\r\n\r\n".utf8))
        #expect(record.said.withLock { $0.last } == "gone: SPDY: control frame of version 18245")
        #expect(try await client.received() == [.frame(.goAway(lastStream: 1, .protocolError))])
        try await client.channel.closeFuture.get()
    }

    @Test("a client that asks for answers and reads none is put off") func answers() async throws {
        let record = Record()
        let client = try await Client { _ in record }
        let pings = (0..<8192).flatMap { _ in [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1] as [UInt8] }
        try? await client.send(pings)
        #expect(record.said.withLock { $0.first } == "gone: SPDY: the client reads no answers")
    }

    @Test("a command's client has its streams, its input and its size", arguments: [RemoteCommand.Version.v4, .v3, .v1])
    func command(_ version: RemoteCommand.Version) async throws {
        let wishes = StreamWishes(terminal: true, stdin: true, stdout: true, stderr: false)
        let service = Mutex<SPDYCommand?>(nil)
        let client = try await Client { channel in
            let command = SPDYCommand(channel, wishes, version)
            service.withLock { $0 = command }
            return command
        }
        let command = try #require(service.withLock { $0 })
        try await client.open(1, ["streamType": "error"])
        try await client.open(3, ["streamType": "stdin"])
        try await client.data(3, "early")
        try await client.open(5, ["streamType": "stdout"])
        if version.hasResize { try await client.open(7, ["streamType": "resize"]) }
        try await command.ready()
        if version.hasResize {
            try await client.data(7, "{\"Width\":80,")
            try await client.data(7, "\"Height\":24}")
        }
        try await client.data(3, "", isLast: true)
        var events: [ClientEvent?] = []
        for _ in 0..<(version.hasResize ? 3 : 2) { events.append(try await command.next()) }
        let size = version.hasResize ? [ClientEvent.resize(TerminalSize(width: 80, height: 24))] : []
        #expect(events == [.stdin(Array("early".utf8))] + size + [.stdinClosed])
        _ = try await client.received()
        try await command.send(ByteBuffer(string: "out"), of: .stdout)
        let status = RemoteCommand.status(exitCode: 7)
        let finishing = Task { await command.finish(status) }
        var found: [SPDY.FrameEvent] = []
        while found.last != .frame(.goAway(lastStream: version.hasResize ? 7 : 5, .ok)) {
            found += try await client.received()
            await Task.yield()
        }
        #expect(found.first == .data(stream: 5, Array("out".utf8), isLast: false))
        #expect(found.contains(.data(stream: 1, RemoteCommand.told(status, version), isLast: true)))
        #expect(found.contains(.data(stream: 5, [], isLast: true)) && found.contains(.data(stream: 3, [], isLast: true)))
        try await client.channel.close().get()
        await finishing.value
    }

    @Test("a client that goes before its streams are there, or says a size that is none, fails") func failures() async throws {
        for ending in ["gone", "size"] {
            let service = Mutex<SPDYCommand?>(nil)
            let client = try await Client { channel in
                let command = SPDYCommand(channel, StreamWishes(terminal: true, stdin: true, stdout: true, stderr: false), .v4)
                service.withLock { $0 = command }
                return command
            }
            let command = try #require(service.withLock { $0 })
            try await client.open(1, ["streamType": "resize"])
            if ending == "gone" { try await client.channel.close().get() } else { try await client.data(1, "80x24}") }
            await #expect(throws: Status.self) { try await command.ready() }
            await #expect(throws: Status.self) { _ = try await command.next() }
            if ending == "size" { try await client.channel.close().get() }
        }
    }
}
