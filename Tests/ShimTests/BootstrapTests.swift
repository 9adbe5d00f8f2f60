import Cgroups
import Executor
import Shim
import Testing

@Suite("command line and records") struct BootstrapTests {
    @Test("containerd's start call is understood")
    func startCall() throws {
        let words = [
            "-namespace", "default", "-id", "c1", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd", "-debug", "start",
        ]
        let arguments = try Arguments(words)
        #expect(arguments.verb == .start)
        #expect(arguments.namespace == "default" && arguments.id == "c1" && arguments.address == "/run/c.sock")
        #expect(arguments.debug)
        try arguments.requireTask()
    }

    @Test("flags take = and two dashes; an empty value is a value")
    func flagForms() throws {
        let arguments = try Arguments(["--id=c=1", "-namespace=ns", "-address", "", "-bundle", "/b", "delete"])
        #expect(arguments.id == "c=1" && arguments.address == "" && arguments.bundle == "/b" && arguments.verb == .delete)
    }

    @Test("what is not understood is named", arguments: [["-nope"], ["run"], ["-id"], ["start", "delete"]])
    func refusals(_ words: [String]) {
        #expect { try Arguments(words) } throws: { "\($0)".contains(words[0].drop { $0 == "-" }) || "\($0)".contains("start") }
    }

    @Test("an id that is no file name is refused", arguments: ["", ".", "..", "a/b", "a\nb"])
    func badIDs(_ id: String) throws {
        let arguments = try Arguments(["-namespace", "ns", "-id", id, "start"])
        #expect(throws: TaskError.self) { try arguments.requireTask() }
    }

    @Test("the socket's path follows from address, namespace and id, each in its place")
    func socketPaths() {
        func path(_ address: String, _ namespace: String, _ id: String) -> String {
            SocketPath.of(address: address, namespace: namespace, id: id, directory: "/d")
        }
        #expect(path("a", "b", "c") == path("a", "b", "c"))
        #expect(Set([path("a", "b", "c"), path("ab", "", "c"), path("a", "bc", ""), path("", "ab", "c")]).count == 4)
        #expect(path("a", "b", "c").utf8.count == "/d/0123456789abcdef.sock".utf8.count)
    }

    @Test(
        "stdio names are told apart",
        arguments: [
            ("", StreamTarget.none), ("/run/fifo/1", .fifo("/run/fifo/1")), ("fifo:///f", .fifo("/f")), ("cri:///l", .criFile("/l")),
            ("cri-attach:///l%3F?/a%20b", .attachedFile("/l?", directory: "/a b")),
            ("cri-attach://?/a", .attachedFile(nil, directory: "/a")),
            ("file:///x y", .rawFile("/x y")),
        ])
    func streamTargets(_ text: String, _ target: StreamTarget) throws { #expect(try StreamTarget(text) == target) }

    @Test(
        "stdio that is not supported is named", arguments: ["binary://relative", "file:///%4", "relative", "cri://relative", "http://x/y"])
    func badTargets(_ text: String) { #expect(throws: TaskError.self) { try StreamTarget(text) } }

    @Test(
        "a record read back is the record that was written, with and without an exit", arguments: [nil, Ending(status: 137, time: 1 << 62)])
    func recordRoundTrip(_ ending: Ending?) throws {
        var options = ExecutorOptions()
        options.noPivotRoot = true
        let paths = CgroupPaths([.init(controller: "", path: "/sys/fs/cgroup/x \"y\"")])
        let record = TaskRecord(id: "c1", pid: 42, startTime: 99, cgroup: paths, options: options, ending: ending)
        #expect(try TaskRecord(parsing: record.encoded) == record)
    }

    @Test("a record of a newer version is refused by that name")
    func newerRecord() {
        #expect { try TaskRecord(parsing: Array(#"{"version":2,"id":"x"}"#.utf8)) } throws: { "\($0)".contains("version: 2 is newer") }
    }
}
