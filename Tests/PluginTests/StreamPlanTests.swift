import Messages
import OCI
import Registry
import Testing

@testable import Plugin

@Suite("streams as plans") struct StreamPlanTests {
    @Test(
        "messages of the remotecommand protocol mean input, a size, or the end of the input",
        arguments: [
            (0, "hi", .v4, .stdin(Array("hi".utf8))), (0, "", .v5, nil),
            (4, #"{"Width": 80, "Height": 24}"#, .v4, .resize(TerminalSize(width: 80, height: 24))), (255, "\0", .v5, .stdinClosed),
            (255, "\u{1}", .v5, nil),
        ] as [(UInt8, String, RemoteCommand.Version, ClientEvent?)])
    func messages(_ channel: UInt8, _ text: String, _ version: RemoteCommand.Version, _ event: ClientEvent?) throws {
        #expect(try RemoteCommand.event(channel: channel, Array(text.utf8), version) == event)
    }

    @Test(
        "a message that means nothing is refused",
        arguments: [
            (1, "x", .v5), (9, "", .v5), (255, "\0", .v4), (255, "", .v5), (255, "\0\0", .v5), (4, "{}", .v5),
            (4, #"{"Width": -1, "Height": 70000}"#, .v5), (4, "80x24", .v4),
        ] as [(UInt8, String, RemoteCommand.Version)])
    func refusals(_ channel: UInt8, _ text: String, _ version: RemoteCommand.Version) {
        #expect(throws: RemoteCommand.Failure.self) { try RemoteCommand.event(channel: channel, Array(text.utf8), version) }
    }

    @Test("of two long outputs each has its half, and what the other leaves") func outputs() {
        let cases = [(3, 3), (20, 0), (0, 20), (20, 3), (3, 20), (5, 6), (20, 20)]
        let kept = cases.map { ExecOutcome.kept($0.0, $0.1, of: 10) }
        #expect(kept.map(\.stdout) == [3, 10, 0, 7, 3, 5, 5])
        #expect(kept.map(\.stderr) == [3, 0, 10, 3, 7, 5, 5])
    }

    @Test("an exit code is told as Kubernetes' Status tells it") func status() {
        #expect(RemoteCommand.status(exitCode: 0)["status"] == "Success")
        let failed = RemoteCommand.status(exitCode: 137)
        #expect(failed["reason"] == "NonZeroExitCode")
        #expect(failed["details"]?["causes"] == [["reason": "ExitCode", "message": "137"]])
    }

    @Test("a ticket is good once, for its own kind of stream, and for a minute") func tickets() throws {
        var tickets = StreamTickets()
        let issued = (tickets.issue(.exec(.init()), now: 0), tickets.issue(.portForward(.init()), now: 0))
        let (token, other) = (try #require(issued.0), try #require(issued.1))
        #expect(token.utf8.count == 64 && token != other)
        #expect(tickets.look("/attach/\(token)", now: 1) == nil && tickets.look("/exec/\(token)/x", now: 1) == nil)
        #expect(tickets.look("/exec/\(token)", now: 1) != nil)
        let taken = (tickets.take("/exec/\(token)", now: 1), tickets.take("/exec/\(token)", now: 1))
        #expect(taken.0 != nil && taken.1 == nil)
        let late = tickets.take("/portforward/\(other)", now: StreamTickets.lifetime)
        #expect(late == nil)
    }

    @Test("tickets that nobody uses do not pile up") func tooManyTickets() {
        var tickets = StreamTickets()
        let issued = (0..<StreamTickets.most).filter { _ in tickets.issue(.exec(.init()), now: 0) != nil }
        #expect(issued.count == StreamTickets.most)
        let (early, later) = (tickets.issue(.exec(.init()), now: 1), tickets.issue(.exec(.init()), now: StreamTickets.lifetime))
        #expect(early == nil && later != nil)
    }

    @Test("ports of a query, and how a channel names its port") func ports() {
        #expect(PortForwarding.ports(query: "port=80&x=1&port=443") == [80, 443])
        #expect(PortForwarding.ports(query: "ports=80,443") == [80, 443])
        #expect(PortForwarding.ports(query: "").isEmpty)
        #expect(PortForwarding.head(0x1f90) == [0x90, 0x1f])
    }

    @Test("a session wants a stream, and a terminal has one output") func wishes() throws {
        try StreamWishes(terminal: true, stdin: true, stdout: true, stderr: false).check()
        #expect(throws: PluginError.self) { try StreamWishes(terminal: false, stdin: false, stdout: false, stderr: false).check() }
        #expect(throws: PluginError.self) { try StreamWishes(terminal: true, stdin: true, stdout: true, stderr: true).check() }
    }

    @Test("a path in the URI of a stream is percent-encoded") func encoding() {
        #expect(percentEncoded("/a b/ä?%", keeping: "/") == "/a%20b/%C3%A4%3F%25")
    }
}
