import Testing

@testable import LinuxSys

@Suite("messages of rtnetlink")
struct RouteMessageTests {
    @Test("a message has its length in front, and its attributes filled up to four bytes")
    func written() {
        var message = RouteMessage(.newLink, flags: 5, sequence: 7)
        message.putLink(index: 3, flags: 1, change: 1)
        message.putAttribute(3, [0x65, 0x74, 0x68, 0x30, 0])
        message.putAttribute(28, 9)
        let bytes = message.finished()
        #expect(bytes.count == 16 + 16 + 12 + 8)
        #expect(bytes.prefix(16) == [52, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0])
        #expect(bytes[32..<44] == [9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0])
        #expect(bytes.suffix(8) == [8, 0, 28, 0, 9, 0, 0, 0])
    }

    @Test("what was written is read again, several in one datagram")
    func read() throws {
        var message = RouteMessage(.newAddress, flags: 0, sequence: 1)
        message.put(UInt64(0))
        message.putAttribute(2, [10, 9, 0, 1])
        message.putAttribute(8, 0x80)
        let bytes = message.finished()
        let replies = try #require(RouteReply.all(in: (bytes + bytes)[...]))
        #expect(replies.map(\.type) == [20, 20])
        #expect(replies[1].attribute(2, after: 8) == [10, 9, 0, 1] && replies[1].attribute(8, after: 8) == [0x80, 0, 0, 0])
        #expect(replies[0].attribute(3, after: 8) == nil)
    }

    @Test("bytes that are cut off are no message, and an attribute that is cut off is not there")
    func cut() throws {
        var message = RouteMessage(.newLink, flags: 0, sequence: 1)
        message.putLink(index: 1)
        message.putAttribute(3, [1, 2, 3, 4])
        let bytes = message.finished()
        for count in 1..<bytes.count { #expect(RouteReply.all(in: bytes[..<count]) == nil, "\(count)") }
        var short = bytes
        short[32] = 200
        #expect(try #require(RouteReply.all(in: short[...])).first?.attributes(after: 16).isEmpty == true)
        short[0] = 3
        #expect(RouteReply.all(in: short[...]) == nil)
    }
}
