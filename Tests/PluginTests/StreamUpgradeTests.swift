import Messages
import NIOHTTP1
import OCI
import SPDY
import Testing

@testable import Plugin

@Suite("requests for streams") struct StreamUpgradeTests {
    private func upgrade(_ headers: HTTPHeaders, _ purpose: StreamTickets.Purpose? = .exec(.init())) -> StreamUpgrade {
        StreamUpgrade(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/exec/x", headers: headers), purpose)
    }

    private func spdy(_ offers: String..., purpose: StreamTickets.Purpose = .exec(.init())) -> StreamUpgrade {
        upgrade(
            HTTPHeaders(
                [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")] + offers.map { ("X-Stream-Protocol-Version", $0) }), purpose)
    }

    @Test("the client's first protocol of SPDY that is known is taken") func protocols() {
        #expect(
            spdy("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io") == .spdy(protocol: "v4.channel.k8s.io"))
        #expect(spdy("v9.channel.k8s.io, v2.channel.k8s.io") == .spdy(protocol: "v2.channel.k8s.io"))
        #expect(spdy("v5.channel.k8s.io", "channel.k8s.io", purpose: .attach(.init())) == .spdy(protocol: "channel.k8s.io"))
        #expect(spdy("portforward.k8s.io", purpose: .portForward(.init())) == .spdy(protocol: "portforward.k8s.io"))
    }

    @Test("the client's first subprotocol of a WebSocket that is known is taken") func subprotocols() {
        func webSocket(_ offers: String, _ purpose: StreamTickets.Purpose) -> StreamUpgrade {
            upgrade(["Connection": "upgrade", "Upgrade": "WebSocket", "Sec-WebSocket-Protocol": offers], purpose)
        }
        #expect(
            webSocket("v9.channel.k8s.io, v4.channel.k8s.io, v5.channel.k8s.io", .exec(.init()))
                == .webSocket(subprotocol: "v4.channel.k8s.io"))
        #expect(webSocket("v4.channel.k8s.io", .portForward(.init())) == .webSocket(subprotocol: "v4.channel.k8s.io"))
        guard case .refused = webSocket("channel.k8s.io", .exec(.init())) else {
            Issue.record("taken")
            return
        }
    }

    @Test("an offer of nothing that is known is 403 with what is, no offer 400") func refusedProtocols() throws {
        guard case .refused(let refusal) = spdy("v9.channel.k8s.io", "portforward.k8s.io") else {
            Issue.record("taken")
            return
        }
        #expect(refusal.status == .forbidden)
        #expect(
            refusal.headers["X-Accepted-Stream-Protocol-Versions"] == [
                "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io",
            ])
        guard case .refused(let ports) = spdy("v4.channel.k8s.io", purpose: .portForward(.init())) else {
            Issue.record("taken")
            return
        }
        #expect(ports.status == .forbidden && ports.headers["X-Accepted-Stream-Protocol-Versions"] == ["portforward.k8s.io"])
        for none in [spdy(), spdy("")] {
            guard case .refused(let refusal) = none else {
                Issue.record("taken")
                return
            }
            #expect(refusal.status == .badRequest && refusal.text.contains("X-Stream-Protocol-Version is required"))
        }
    }

    @Test("what is no upgrade to a known protocol is 400, and what has no ticket 404") func noUpgrades() {
        for (headers, words) in [
            ([:], "a WebSocket or SPDY/3.1 is wanted"),
            (["Connection": "Upgrade", "Upgrade": "SPDY/2"], "upgrade to spdy/2 is not supported"),
            (["Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"], "is wanted"),
            (["Connection": "Upgrade", "Upgrade": "websocket"], "none of the subprotocols (none) is known"),
        ] as [(HTTPHeaders, String)] {
            guard case .refused(let refusal) = upgrade(headers) else {
                Issue.record("taken: \(headers)")
                continue
            }
            #expect(refusal.status == .badRequest && refusal.text.contains(words))
        }
        guard case .refused(let refusal) = upgrade([:], nil) else {
            Issue.record("taken")
            return
        }
        #expect(refusal.status == .notFound)
    }
}

@Suite("streams of a command and of ports") struct StreamRoleTests {
    private let wishes = StreamWishes(terminal: true, stdin: true, stdout: true, stderr: false)

    @Test("a command begins when all streams that it wants are there, the size's of a terminal from version 3 on") func gathering() {
        var streams = CommandStreams(wishes, .v3)
        for (stream, type) in [(1, "error"), (3, "stdin"), (5, "stdout")] as [(UInt32, String)] {
            #expect(streams.open(stream, ["streamType": type]) && !streams.isComplete)
        }
        let resize = streams.open(7, ["streamType": "resize"])
        #expect(resize && streams.isComplete && streams.role(of: 7) == .resize && streams[.stdin] == 3)
        #expect(CommandStreams(wishes, .v2).expected == [.error, .stdin, .stdout])
        #expect(
            CommandStreams(StreamWishes(terminal: false, stdin: false, stdout: true, stderr: true), .v4).expected
                == [.error, .stdout, .stderr])
    }

    @Test("a stream of no type, of an unknown one, or one that is there already is refused") func refusedStreams() {
        var streams = CommandStreams(wishes, .v4)
        let first = streams.open(1, ["streamType": "stdin"])
        #expect(first)
        for headers in [[:], ["streamtype": "stdin"], ["streamtype": "data"], ["streamtype": "Stdin"]] as [Headers] {
            let isTaken = streams.open(3, headers)
            #expect(!isTaken)
        }
    }

    @Test("sizes of a terminal come one behind the other, and in pieces") func sizes() throws {
        var reader = SizeReader()
        let text = "{\"Width\":80,\"Height\":24}\n{\"Width\":1,\"Height\":2}\n{\"Wid"
        let found = try reader.take(Array(text.utf8))
        #expect(found == [TerminalSize(width: 80, height: 24), TerminalSize(width: 1, height: 2)])
        let rest = try reader.take(Array("th\":3,\"Height\":4}".utf8))
        #expect(rest == [TerminalSize(width: 3, height: 4)])
        #expect(throws: RemoteCommand.Failure.badResize) { try reader.take(Array("}".utf8)) }
        var other = SizeReader()
        #expect(throws: RemoteCommand.Failure.badResize) { try other.take([UInt8](repeating: 0x20, count: 257)) }
    }

    @Test("from version 4 on the end is a Status, before it an error's text") func ends() {
        let (well, failed) = (RemoteCommand.status(exitCode: 0), RemoteCommand.status(exitCode: 7))
        #expect(RemoteCommand.told(failed, .v4) == failed.encoded() && RemoteCommand.told(well, .v4) == well.encoded())
        for version in [.v3, .v2, .v1] as [RemoteCommand.Version] {
            #expect(RemoteCommand.told(well, version).isEmpty)
            #expect(RemoteCommand.told(failed, version) == Array("command terminated with non-zero exit code: exit status 7".utf8))
            #expect(RemoteCommand.told(RemoteCommand.status(failure: "x: y"), version) == Array("x: y".utf8))
        }
    }

    @Test("a port's two streams find each other by their request, in any order") func pairs() {
        var pairs = PortPairs()
        let found = [
            pairs.add(1, ["streamType": "error", "port": "80", "requestID": "0"]),
            pairs.add(3, ["streamType": "data", "port": "81", "requestID": "1"]),
            pairs.add(5, ["streamType": "data", "port": "80", "requestID": "0"]),
            pairs.add(7, ["streamType": "error", "port": "81", "requestID": "1"]),
            // Its number is free again.
            pairs.add(9, ["streamType": "error", "port": "80", "requestID": "0"]),
        ]
        #expect(
            found == [
                .waits(isData: false), .waits(isData: true),
                .complete(.init(port: 80, data: 5, error: 1), isData: true), .complete(.init(port: 81, data: 3, error: 7), isData: false),
                .waits(isData: false),
            ])
        let (expired, again, complete) = (pairs.forget(9), pairs.forget(9), pairs.forget(3))
        #expect(expired?.request == "0" && expired?.data == nil && expired?.error == 9 && again == nil && complete == nil)
    }

    @Test("streams of clients that say no request are a pair by their numbers") func oldPairs() {
        var pairs = PortPairs()
        let first = pairs.add(1, ["streamType": "error", "port": "80"])
        let other = pairs.add(5, ["streamType": "error", "port": "80"])
        let second = pairs.add(3, ["streamType": "data", "port": "80"])
        #expect(first == .waits(isData: false) && other == .waits(isData: false))
        #expect(second == .complete(.init(port: 80, data: 3, error: 1), isData: true))
        let forgotten = pairs.forget(5)
        #expect(forgotten?.error == 5)
        let late = pairs.add(7, ["streamType": "data", "port": "80"])
        #expect(late == .waits(isData: true))
    }

    @Test(
        "a stream of a port that is none, of one that was not asked for, of no type, or that is there already is refused",
        arguments: [
            ["streamType": "data"], ["streamType": "data", "port": "0"], ["streamType": "data", "port": "65536"],
            ["streamType": "data", "port": "-1"], ["streamType": "data", "port": "81"], ["port": "80"], ["port": "80", "streamType": "x"],
            ["port": "80", "streamType": "data", "requestID": "7"],
        ] as [Headers])
    func refusedPorts(_ headers: Headers) {
        var pairs = PortPairs(ports: [80])
        let first = pairs.add(1, ["streamType": "data", "port": "80", "requestID": "7"])
        #expect(first == .waits(isData: true))
        guard case .refused = pairs.add(3, headers) else {
            Issue.record("taken")
            return
        }
    }
}
