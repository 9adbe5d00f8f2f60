import Cgroups
import Executor
import Shim
import TaskAPI
import Testing

@Suite("bootstrap dialects") struct DialectTests {
    private static let words = ["-namespace", "ns", "-address", "/run/c.sock", "-publish-binary", "/c", "-id", "c1", "start"]
    /// BootstrapParams of c1 in ns, asking for debugging, with /t as the address, ShimCgroup=/g in an extension and /run/d for sockets.
    private static let message: [UInt8] =
        [0x0a, 2] + Array("c1".utf8) + [0x12, 2] + Array("ns".utf8) + [0x18, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
        + [0x2a, 2] + Array("/t".utf8) + [0x42, 36, 0x0a, 34, 0x0a, 26] + Array("containerd.runc.v1.Options".utf8) + [0x12, 4, 0x1a, 2]
        + Array("/g".utf8) + [0x4a, 6] + Array("/run/d".utf8)

    private func bootstrap(_ environment: [String: String], _ input: [UInt8], id: String = "c1") throws -> Bootstrap {
        try Bootstrap(Arguments(Self.words.map { $0 == "c1" ? id : $0 }), environment: environment, input: input)
    }

    @Test("containerd 1.6: flags and environment, and the bare address without a line's end")
    func oldest() throws {
        let start = try bootstrap(["TTRPC_ADDRESS": "/t"], [])
        #expect(start.dialect == .address && start.ttrpcAddress == "/t" && start.options == nil)
        #expect(start.answer("unix:///s") == Array("unix:///s".utf8))
    }

    @Test("1.7 to 2.2: the highest version is in the environment, the answer is JSON", arguments: [("2", 2), ("3", 3), ("4", 3)])
    func json(_ highest: String, _ version: Int) throws {
        let start = try bootstrap(["MAX_SHIM_VERSION": highest], [])
        #expect(start.answer("unix:///s") == Array(#"{"version":\#(version),"address":"unix:///s","protocol":"ttrpc"}"#.utf8))
    }

    @Test("2.3 and newer: a message on stdin, whatever the environment says, and a message back")
    func message() throws {
        let start = try bootstrap(["MAX_SHIM_VERSION": "2", "TTRPC_ADDRESS": "/other"], Self.message)
        #expect(start.dialect == .message && start.ttrpcAddress == "/t" && start.socketDirectory == "/run/d" && start.arguments.debug)
        #expect(start.shimCgroup == "/g")
        #expect(start.answer("unix:///s") == [0x08, 3, 0x12, 9] + Array("unix:///s".utf8) + [0x1a, 5] + Array("ttrpc".utf8))
    }

    @Test("a message of another container, and options, are not taken for bootstrap parameters")
    func mistaken() throws {
        // As an Any this message is not one: its field 3 is no field of it, which is passed over; what it names as its type is `c1`.
        #expect(try bootstrap([:], Self.message, id: "c2").dialect == .address)
        let options = AnyValue(typeURL: "containerd.runc.v1.Options", value: [0x1a, 2, 0x2f, 0x67])
        let start = try bootstrap(["MAX_SHIM_VERSION": "2"], options.encoded)
        #expect(start.dialect == .json(version: 2) && start.options == options && start.shimCgroup == "/g")
        // Even when the options are a message with the same two names in it.
        let twin = AnyValue(typeURL: "c1", value: Array("n2".utf8))
        #expect(try bootstrap([:], twin.encoded).dialect == .address)
    }

    @Test("what is no message at all is refused", arguments: [[0xff], [0x0a, 9, 0x61]] as [[UInt8]])
    func garbage(_ input: [UInt8]) { #expect(throws: TaskError.self) { try bootstrap([:], input) } }

    @Test("a version that is none is refused", arguments: ["1", "x", "-3"])
    func versions(_ text: String) { #expect(throws: TaskError.self) { try bootstrap(["MAX_SHIM_VERSION": text], []) } }

    @Test("a record keeps the other runtime that made the container")
    func record() throws {
        var options = ExecutorOptions()
        options.runtime = ForeignRuntime(program: "runc", root: "/run/r/ns")
        let record = TaskRecord(id: "c1", pid: 4, startTime: 9, cgroup: CgroupPaths([]), options: options)
        #expect(try TaskRecord(parsing: record.encoded) == record)
    }
}
