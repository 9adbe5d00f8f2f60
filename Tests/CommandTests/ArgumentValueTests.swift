import Testing

@testable import Command

@Suite("values of options") struct ArgumentValueTests {
    @Test(
        "a size is a number with a unit of powers of 1024",
        arguments: [
            ("0", 0), ("1", 1), ("42b", 42), ("4k", 4096), ("4K", 4096), ("4kb", 4096), ("4KiB", 4096), ("512m", 512 << 20),
            ("1.5g", 3 << 29),
            ("2T", 2 << 40), ("1p", 1 << 50), ("0.5k", 512), ("8191p", 8191 << 50),
        ] as [(String, Int64)])
    func size(text: String, bytes: Int64) throws { #expect(try ByteSize(parsing: text).bytes == bytes) }

    @Test(
        "what is no size is refused",
        arguments: ["", "m", "-1", "1 m", "12q", "1.", ".5k", "1e3", "0x10", "1.2.3g", "8192p", "9223372036854775808", "٣"])
    func badSize(text: String) { #expect(throws: ArgumentFailure.self) { try ByteSize(parsing: text) } }

    @Test(
        "sizes for people",
        arguments: [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (4_404_019, "4.2 MiB"), (1 << 40, "1.0 TiB")] as [(Int64, String)])
    func sizeText(bytes: Int64, text: String) { #expect(ByteSize(bytes: bytes).text == text) }

    @Test(
        "processors become a quota over 100 ms",
        arguments: [("1", 100_000), ("0.5", 50_000), ("1.25", 125_000), ("0.01", 1000), ("128", 12_800_000)] as [(String, Int64)])
    func processors(text: String, quota: Int64) throws { #expect(try ProcessorShare(parsing: text).quota == quota) }

    @Test("what is no number of processors is refused", arguments: ["", "0", "-1", "0.001", "nan", "inf", "1e2", "9000", "one"])
    func badProcessors(text: String) { #expect(throws: ArgumentFailure.self) { try ProcessorShare(parsing: text) } }

    @Test(
        "a signal is a name with or without SIG, or a number",
        arguments: [
            ("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("9", 9), ("64", 64), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63),
        ] as [(String, Int32)])
    func signal(text: String, number: Int32) throws { #expect(try SignalName(parsing: text).number == number) }

    @Test("what is no signal is refused", arguments: ["", "0", "65", "-9", "+9", "TERMINATE", "SIG", "RTMIN-1", "RTMIN+31", "RTMAX+1"])
    func badSignal(text: String) { #expect(throws: ArgumentFailure.self) { try SignalName(parsing: text) } }

    @Test("a whole number has nothing around it")
    func wholeNumber() throws {
        #expect(try parseWholeNumber("10", from: -1, to: 10) == 10)
        #expect(try parseWholeNumber("-1", from: -1, to: 10) == -1)
        for text in ["", " 1", "1 ", "+1", "1.0", "11", "-2", "1-"] {
            #expect(throws: ArgumentFailure.self) { try parseWholeNumber(text, from: -1, to: 10) }
        }
    }

    @Test("a volume has a source, a target and options")
    func volume() throws {
        let plain = try Volume(parsing: "/a:/b", directory: "/here")
        #expect((plain.source, plain.target, plain.isReadOnly, plain.propagation) == ("/a", "/b", false, "rprivate"))
        let full = try Volume(parsing: "./a b:/b:ro,rslave", directory: "/here")
        #expect((full.source, full.target, full.isReadOnly, full.propagation) == ("/here/./a b", "/b", true, "rslave"))
    }

    @Test(
        "a volume that says anything else is refused",
        arguments: ["", "/a", ":/b", "/a:", "/a:b", "named:/b", "/a:/b:z", "/a:/b:ro:rw", "/a:/../b", "/a:/", "/a:/b:", "/a:/b\nc"].filter {
            $0 != "/a:/b:"
        })
    func badVolume(text: String) { #expect(throws: ArgumentFailure.self) { try Volume(parsing: text, directory: "/") } }

    @Test("variables: the later wins, a bare name is inherited or left out")
    func environment() throws {
        var list = EnvironmentList()
        let here = ["HOME": "/root", "EMPTY": ""]
        for text in ["A=1", "B==x=", "HOME", "MISSING", "EMPTY", "A=2"] { try list.add(text, inherited: here) }
        #expect(list.entries == ["B==x=", "HOME=/root", "EMPTY=", "A=2"])
        #expect(throws: ArgumentFailure.self) { try list.add("=x", inherited: here) }
        #expect(throws: ArgumentFailure.self) { try list.add("", inherited: here) }
    }

    @Test("a file of variables: comments and empty lines count for nothing, errors name the line")
    func environmentFile() throws {
        var list = EnvironmentList()
        try list.add(file: Array("# head\n\nA=1 # not a comment\r\n  B=2\nHOME\n".utf8), named: "f", inherited: ["HOME": "/h"])
        #expect(list.entries == ["A=1 # not a comment", "B=2", "HOME=/h"])
        #expect(throws: ArgumentFailure("f:2", "white space in a variable's name")) {
            try list.add(file: Array("A=1\nB C=2".utf8), named: "f", inherited: [:])
        }
        #expect(throws: ArgumentFailure("f:1", "not UTF-8")) { try list.add(file: [0xff], named: "f", inherited: [:]) }
    }

    @Test("labels")
    func labels() throws {
        #expect(try parseLabels(["a=b=c", "d", "e="]) == ["a": "b=c", "d": "", "e": ""])
        #expect(throws: ArgumentFailure.self) { try parseLabels(["=x"]) }
    }
}
