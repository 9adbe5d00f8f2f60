import Shim
import TaskAPI
import Testing

@Suite("options as TOML") struct OptionFileTests {
    private func options(_ lines: String...) throws -> RuncOptions {
        try RuncOptions(toml: Array(lines.joined(separator: "\n").utf8), source: "f")
    }

    @Test("every option by the name that containerd's configuration has for it")
    func every() throws {
        let options = try options(
            "# options", "BinaryName = \"crun\"", "Root=\"/run/x\"", "SystemdCgroup = true", "NoPivotRoot = true # yes",
            "NoNewKeyring = true",
            "ShimCgroup = '/shims'", "IoUid = 1_000", "IoGid = 0x3e9", "CriuPath = \"/criu\"", "CriuImagePath = \"/i\"",
            "CriuWorkPath = \"/w\"", "TaskApiAddress = \"ttrpc+unix:///x\"", "TaskApiVersion = 3",
            "TypeUrl = \"containerd.runc.v1.Options\"")
        var wanted = RuncOptions()
        (wanted.binaryName, wanted.root, wanted.systemdCgroup, wanted.noPivotRoot, wanted.noNewKeyring) = (
            "crun", "/run/x", true, true, true
        )
        (wanted.shimCgroup, wanted.ioUID, wanted.ioGID) = ("/shims", 1000, 1001)
        (wanted.criuPath, wanted.criuImagePath, wanted.criuWorkPath) = ("/criu", "/i", "/w")
        (wanted.taskAPIAddress, wanted.taskAPIVersion) = ("ttrpc+unix:///x", 3)
        #expect(options == wanted)
        #expect(try self.options("") == RuncOptions())
        #expect(try self.options("\r", "  # only a comment\r", "") == RuncOptions())
    }

    @Test(
        "what is wrong is named with its line",
        arguments: [
            ("Binary = 1", "line 1: Binary: no such option"), ("binaryname = 'x'", "line 1: binaryname: no such option"),
            ("\nBinaryName = true", "line 2: BinaryName: a string expected"), ("SystemdCgroup = 1", "line 1: SystemdCgroup: true or false"),
            ("IoUid = -1", "line 1: IoUid: a number"), ("IoUid = 4294967295", "IoUid: a number from 0 to 4294967294"),
            ("IoUid = 010", "IoUid: a string, an integer, true or false expected, found 010"),
            ("IoUid = 1.5", "IoUid: a string, an integer"),
            ("Root = \"/a", "line 1: Root: the string has no end"), ("Root = \"\"\"a\"\"\"", "Root: a string of several lines"),
            ("Root = \"\\q\"", "Root: an unknown escape"), ("Root = \"a\\nb\"", "Root: a control character"),
            ("[options]", "line 1: a table"), ("a.b = 1", "a dotted key"), ("Root", "Root: = expected"),
            ("Root = ", "Root: a value expected"),
            ("Root = '/a' x", "Root: more after the value"), ("Root = '/a'\nRoot = '/b'", "line 2: Root is there twice"),
            ("= 1", "a key expected"),
            ("Root = ['/a']", "Root: a string, an integer"), ("TypeUrl = 'x.Y'", "TypeUrl x.Y: not understood"),
        ])
    func wrong(_ text: String, _ message: String) {
        #expect { try RuncOptions(toml: Array(text.utf8), source: "f") } throws: {
            "\($0)".contains("runtime options in f: ") && "\($0)".contains(message)
        }
    }

    @Test("strings have TOML's escapes, literal ones have none")
    func strings() throws {
        let document = try TOML(parsing: Array(#"a = "x\t\"\\\u00e9\U0001F600#" # c"#.utf8) + [0x0a] + Array(#""b" = 'x\t#'"#.utf8))
        #expect(document.entries.map(\.value) == [.string("x\t\"\\é😀#"), .string(#"x\t#"#)])
        #expect(throws: TOML.Failure(line: 1, reason: "not UTF-8")) { try TOML(parsing: [0xff]) }
    }

    @Test(
        "integers in every base, and what is none",
        arguments: [("0", 0), ("-17", -17), ("+5", 5), ("0xff", 255), ("0o17", 15), ("0b101", 5), ("1_0", 10)])
    func integers(_ text: String, _ number: Int64) throws {
        #expect(try TOML(parsing: Array("a = \(text)".utf8)).entries.map(\.value) == [.integer(number)])
    }

    @Test("no integers", arguments: ["1__0", "_1", "1_", "0x", "9223372036854775808", "+-1", "0xg", "tru", "1e3", "1979-05-27"])
    func noIntegers(_ text: String) { #expect(throws: TOML.Failure.self) { try TOML(parsing: Array("a = \(text)".utf8)) } }
}
