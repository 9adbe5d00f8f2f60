import EventLoop
import Glibc
import LinuxSys
import Testing

@Suite("event loop") struct EventLoopTests {
    private let second: UInt64 = 1_000_000_000

    @Test("a readable descriptor calls its handler, once a round while data waits")
    func readable() throws {
        let loop = try EventLoop()
        let pair = try FD.pipe()
        var calls: [Readiness] = []
        let token = try loop.watch(pair.first.raw, for: .read) { calls.append($0) }
        try loop.turn(waitAtMost: 0)
        #expect(calls.isEmpty)
        try pair.second.writeAll([1])
        try loop.turn(waitAtMost: second)
        try loop.turn(waitAtMost: second)
        #expect(calls == [.read, .read])
        loop.cancel(token)
        try loop.turn(waitAtMost: 0)
        #expect(calls.count == 2)
    }

    @Test("a handler cancelled in the same round is not called, even when its number was reused")
    func cancelledInTheSameRound() throws {
        let loop = try EventLoop()
        let first = try FD.pipe()
        let second = try FD.pipe()
        try first.second.writeAll([1])
        try second.second.writeAll([1])
        var tokens: [Token] = []
        var calls = 0
        for number in [first.first.raw, second.first.raw] {
            tokens.append(
                try loop.watch(number, for: .read) { _ in
                    calls += 1
                    for token in tokens { loop.cancel(token) }
                    // The same number again, as another file would get it: events of the old registration must not reach it.
                    _ = try? loop.watch(first.first.raw, for: []) { _ in calls += 100 }
                    _ = try? loop.watch(second.first.raw, for: []) { _ in calls += 100 }
                })
        }
        try loop.turn(waitAtMost: self.second)
        #expect(calls == 1)
    }

    @Test("an old token neither changes nor cancels the registration that has its number now")
    func staleToken() throws {
        let loop = try EventLoop()
        let pair = try FD.pipe()
        try pair.second.writeAll([1])
        let old = try loop.watch(pair.first.raw, for: .read) { _ in }
        loop.cancel(old)
        var calls = 0
        _ = try loop.watch(pair.first.raw, for: .read) { _ in calls += 1 }
        loop.cancel(old)
        try loop.update(old, for: [])
        try loop.turn(waitAtMost: second)
        #expect(calls == 1)
    }

    @Test("timers fire in the order of their deadlines and not after they are cancelled")
    func timers() throws {
        let loop = try EventLoop()
        var order: [Int] = []
        loop.after(nanoseconds: 2_000_000) { order.append(2) }
        loop.after(nanoseconds: 1_000_000) { order.append(1) }
        let never = loop.after(nanoseconds: 1_500_000) { order.append(99) }
        loop.cancel(never)
        loop.after(nanoseconds: 3_000_000) { loop.stop() }
        try loop.run()
        #expect(order == [1, 2])
    }

    @Test("deferred work runs after the handlers of the round, also what it defers itself")
    func deferredWork() throws {
        let loop = try EventLoop()
        var order: [String] = []
        loop.soon {
            order.append("first")
            loop.soon { order.append("second") }
        }
        try loop.turn(waitAtMost: 0)
        #expect(order == ["first", "second"])
    }

    @Test("the end of a peer is told without being asked for")
    func hangUp() throws {
        let loop = try EventLoop()
        let pair = try FD.recordPair()
        let mine = try pair.first.duplicate()
        var seen: Readiness = []
        _ = try loop.watch(mine.raw, for: []) { seen.formUnion($0) }
        _ = consume pair
        try loop.turn(waitAtMost: second)
        #expect(seen.contains(.hangup))
    }
}
