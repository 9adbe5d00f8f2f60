import EventLoop
import Glibc
import LinuxSys
import TTRPC
import TTRPCLoop
import TaskAPI
import Testing

/// A server and raw peers on one thread, turned by hand.
private final class Bench {
    let loop: EventLoop
    let directory: SocketDirectory
    let server: LoopServer
    let calls: OnLoop<[ServerCall]>

    init(mostConnections: Int = 128, answers: Bool = false) throws {
        loop = try EventLoop()
        directory = try SocketDirectory()
        let calls = OnLoop<[ServerCall]>([])
        self.calls = calls
        server = try LoopServer(
            loop: loop, codec: ProtobufCEnvelope.self, listener: FD.listen(at: directory.socket), mostConnections: mostConnections
        ) { call in
            calls.value.append(call)
            if answers { call.reply(call.request.payload) }
        }
    }

    func connect() throws -> FDBox { FDBox(try FD.connect(to: directory.socket)) }

    /// Turns until `done`, at most 400 times 5 ms.
    func turn(until done: () throws -> Bool) throws {
        for _ in 0..<400 where try !done() { try loop.turn(waitAtMost: 5_000_000) }
        #expect(try done())
    }
}

private func request(_ stream: UInt32, _ payload: [UInt8] = [], timeout: Int64 = 0) -> [UInt8] {
    let envelope = RequestEnvelope(service: "s", method: "m", payload: payload, timeout: timeout)
    return Frame(stream: stream, kind: .request, payload: ProtobufCEnvelope.encode(envelope)).encoded
}

/// Uses all descriptors of this process up; 0 when the server bore it well.
private func exhaust() throws -> Int32 {
    let bench = try Bench(answers: true)
    let peer = try bench.connect()
    #expect(try peer.fd.sendSome(request(1)) != .wouldBlock)
    var limit = rlimit(rlim_cur: 64, rlim_max: 64)
    guard unsafe setrlimit(__rlimit_resource_t(7 /* RLIMIT_NOFILE */), &limit) == 0 else { return 1 }
    var fillers: [FDBox] = []
    while let filler = try? FD.open("/dev/null", O_RDONLY) { fillers.append(FDBox(filler)) }
    var turns = 0
    let end = monotonicNanoseconds() + 350_000_000
    while monotonicNanoseconds() < end {
        try bench.loop.turn(waitAtMost: 350_000_000)
        turns += 1
    }
    guard bench.server.connectionCount == 0 else { return 2 }
    guard turns < 16 else { return 3 }
    fillers = []
    for _ in 0..<400 where bench.calls.value.isEmpty { try bench.loop.turn(waitAtMost: 5_000_000) }
    return bench.calls.value.count == 1 ? 0 : 4
}

@Suite("the server on the event loop") struct LoopServerTests {
    @Test("the connection beyond the limit waits until another closes, and nothing spins meanwhile")
    func limit() throws {
        let bench = try Bench(mostConnections: 1, answers: true)
        var first: FDBox? = try bench.connect()
        try bench.turn { bench.server.connectionCount == 1 }
        let second = try bench.connect()
        #expect(try second.fd.sendSome(request(1)) != .wouldBlock)
        var turns = 0
        let end = monotonicNanoseconds() + 250_000_000
        while monotonicNanoseconds() < end {
            try bench.loop.turn(waitAtMost: 250_000_000)
            turns += 1
        }
        #expect(turns < 12, "\(turns) rounds in a quarter of a second")
        #expect(bench.calls.value.isEmpty)
        #expect(first != nil)
        first = nil
        try bench.turn { bench.calls.value.count == 1 }
    }

    @Test("without a descriptor left, accepting pauses instead of spinning, and goes on when there is one")
    func exhaustion() async {
        await #expect(processExitsWith: .success) { exit(try exhaust()) }
    }

    @Test("a call is cancelled once when its peer goes, and answering it then does nothing")
    func cancelled() throws {
        let bench = try Bench()
        var peer: FDBox? = try bench.connect()
        #expect(try peer?.fd.sendSome(request(1)) != .wouldBlock)
        try bench.turn { bench.calls.value.count == 1 }
        let call = bench.calls.value[0]
        #expect(call.peer.uid == effectiveUserID() && !call.isCancelled)
        var told = 0
        call.onCancel = { told += 1 }
        peer = nil
        try bench.turn { call.isCancelled }
        call.reply([1])
        #expect(told == 1 && bench.server.connectionCount == 0 && peer == nil)
    }

    @Test("an answered call is freed although its cancel handler holds it")
    func freed() throws {
        let bench = try Bench()
        let peer = try bench.connect()
        #expect(try peer.fd.sendSome(request(1)) != .wouldBlock)
        try bench.turn { bench.calls.value.count == 1 }
        weak let call = bench.calls.value[0]
        bench.calls.value[0].onCancel = { [held = bench.calls.value[0]] in held.reply([2]) }
        bench.calls.value[0].reply([1])
        bench.calls.value = []
        #expect(call == nil)
    }

    @Test("a caller's timeout is kept by the server too")
    func timeout() throws {
        let bench = try Bench()
        let peer = try bench.connect()
        #expect(try peer.fd.sendSome(request(1, timeout: 20_000_000)) != .wouldBlock)
        try bench.turn { bench.calls.value.first?.isCancelled == true }
        var buffer = [UInt8](repeating: 0, count: 4096)
        guard case .bytes(let count) = try peer.fd.read(into: &buffer) else { return #expect(Bool(false)) }
        #expect(ProtobufCEnvelope.decodeResponse(Array(buffer[Frame.headerSize..<count]))?.status.code == .deadlineExceeded)
    }

    @Test("short writes lose nothing: 24 answers of 256 KiB to a peer that reads late arrive whole")
    func shortWrites() throws {
        let bench = try Bench(answers: true)
        let peer = try bench.connect()
        let body = [UInt8](repeating: 7, count: 256 << 10)
        var output: [UInt8] = []
        for number in 0..<24 { output += request(UInt32(number * 2 + 1), body) }
        var sent = 0
        var decoder = FrameDecoder()
        var streams: [UInt32] = []
        try bench.turn {
            if sent < output.count, case .bytes(let count) = try peer.fd.sendSome(output, from: sent) { sent += count }
            // Nothing is read before the server has more to say than it may hold.
            guard sent == output.count || bench.calls.value.count >= 4 else { return false }
            var buffer = [UInt8](repeating: 0, count: 100_000)
            while case .bytes(let count) = try peer.fd.read(into: &buffer) {
                decoder.append(buffer[..<count])
                drain()
            }
            func drain() {
                while case .frame(let frame)? = decoder.next() {
                    if ProtobufCEnvelope.decodeResponse(frame.payload)?.payload == body { streams.append(frame.stream) }
                }
            }
            return streams.count == 24
        }
        let wanted: [UInt32] = (0..<24).map { UInt32($0 * 2 + 1) }
        #expect(streams == wanted)
    }

    @Test("a peer that sends requests and never reads is not read from any more, and costs a bounded amount")
    func neverReads() throws {
        let bench = try Bench(answers: true)
        let peer = try bench.connect()
        let output = request(1, [UInt8](repeating: 7, count: 256 << 10))
        var number: UInt32 = 1
        var pending: [UInt8] = output
        var sent = 0
        var stuck = 0
        // Sends until the server has stopped taking for 20 rounds.
        while stuck < 20 {
            if case .bytes(let count) = try peer.fd.sendSome(pending, from: sent) {
                stuck = 0
                sent += count
            } else {
                stuck += 1
            }
            if sent == pending.count {
                number += 2
                pending = request(number, [UInt8](repeating: 7, count: 256 << 10))
                sent = 0
            }
            try bench.loop.turn(waitAtMost: 1_000_000)
            guard number < 200 else { break }
        }
        #expect(bench.calls.value.count < 12, "the high-water mark is 1 MiB of answers")
        let other = try bench.connect()
        #expect(try other.fd.sendSome(request(1)) != .wouldBlock)
        let before = bench.calls.value.count
        try bench.turn { bench.calls.value.count == before + 1 }
    }

    @Test("a call may be answered long after the handler returned, and only once")
    func late() throws {
        let bench = try Bench()
        let peer = try bench.connect()
        #expect(try peer.fd.sendSome(request(1) + request(3)) != .wouldBlock)
        try bench.turn { bench.calls.value.count == 2 }
        bench.calls.value[1].reply([3])
        bench.calls.value[0].reply([1])
        bench.calls.value[0].reply([9])
        // Answers leave with the loop's next round.
        try bench.loop.turn(waitAtMost: 0)
        var decoder = FrameDecoder()
        var buffer = [UInt8](repeating: 0, count: 4096)
        guard case .bytes(let count) = try peer.fd.read(into: &buffer) else { return #expect(Bool(false)) }
        decoder.append(buffer[..<count])
        var streams: [UInt32] = []
        while case .frame(let frame)? = decoder.next() { streams.append(frame.stream) }
        #expect(streams == [3, 1])
        #expect(bench.server.isIdle)
    }
}
