import Glibc
import LinuxSys
import OCI
import Testing

/// config-linux.md, "Seccomp", with the kernel as the judge.
@Suite("seccomp in a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerSeccompTests {
    private static func filtered(_ rules: JSON, _ script: String, noNewPrivileges: Bool = true) -> TestConfig {
        TestConfig(script: script).with {
            $0.process["noNewPrivileges"] = .bool(noNewPrivileges)
            $0.linux["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules]
        }
    }

    @Test(
        "an errno is returned, also by a filter that is loaded before privileges go, and to what is executed later",
        arguments: [false, true])
    func errno(_ noNewPrivileges: Bool) throws {
        let bundle = try TestBundle()
        let rules: JSON = [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28]]
        var config = Self.filtered(rules, "mkdir /tmp/x 2>&1; exec sleep 1000", noNewPrivileges: noNewPrivileges)
        config.process["args"] = ["sleep", "1000"]
        try bundle.configure(config)
        #expect(try bundle.run(["run", "-d", bundle.id]).status == .code(0))
        let result = try bundle.run(["exec", bundle.id, "mkdir", "/tmp/x"])
        #expect(result.errors.contains("No space left on device"), "\(result.errors)")
    }

    @Test("a call with forbidden arguments kills the process")
    func killed() throws {
        let bundle = try TestBundle()
        let rules: JSON = [
            ["names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS", "args": [["index": 1, "value": 10, "op": "SCMP_CMP_EQ"]]]
        ]
        let result = try bundle.run(Self.filtered(rules, "kill -USR2 99999 2>/dev/null; echo still; kill -USR1 99999; echo never"))
        #expect(result.lines == ["still"])
        #expect(result.status == .code(128 + SIGSYS))
    }

    /// Takes one connection of a runtime: the state it sends, and the listener.
    private func taken(_ agent: borrowing FD) throws -> (JSON, FDBox) {
        #expect(try agent.waitReadable(milliseconds: 20_000))
        let accepted = try agent.accept()
        guard let connection = accepted else { throw SysError(ENOTCONN, "accept") }
        #expect(try connection.waitReadable(milliseconds: 20_000))
        let message = try connection.receive()
        let state = try JSON(parsing: try #require(message?.bytes))
        // Exactly one state, and then the end.
        #expect(try connection.waitReadable(milliseconds: 20_000))
        #expect(try connection.receive() == nil)
        return (state, try #require(message?.fds.first))
    }

    @Test(
        "an agent gets the listener with the process' state and decides, for init and for exec, whatever the filter holds up",
        arguments: [false, true])
    func listener(_ noNewPrivileges: Bool) throws {
        let bundle = try TestBundle()
        let path = "\(bundle.directory)/agent"
        let agent = try FD.listen(at: path)
        try bundle.configure(
            TestConfig(script: "mkdir /tmp/x; echo $? > /tmp/done; exec sleep 1000").with {
                $0.process["noNewPrivileges"] = .bool(noNewPrivileges)
                $0.members["annotations"] = ["a": "b"]
                $0.linux["seccomp"] = [
                    "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string(path), "listenerMetadata": "for the agent",
                    "flags": ["SECCOMP_FILTER_FLAG_TSYNC"],
                    // Also what a runtime would send the listener with.
                    "syscalls": [
                        ["names": noNewPrivileges ? ["mkdir", "mkdirat", "sendmsg"] : ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"]
                    ],
                ]
            })
        #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        let pid = try #require(Int64(bundle.read("pid")))
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        let (state, calls) = try taken(agent)
        #expect(state["fds"] == ["seccompFd"] && state["pid"] == .integer(pid) && state["metadata"] == "for the agent")
        #expect(state["state"]?["id"] == .string(bundle.id) && state["state"]?["pid"] == .integer(pid))
        #expect(state["state"]?["status"] == (noNewPrivileges ? "created" : "creating") && state["state"]?["annotations"] == ["a": "b"])
        #expect([83, 34, 258].contains(try calls.fd.answerCall(errno: 0)))

        let process = #"{"args": ["mkdir", "/tmp/y"], "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": \#(noNewPrivileges)}"#
        try bundle.write(process, to: "process.json")
        let started = try bundle.run([
            "exec", "-d", "--pid-file", "\(bundle.directory)/second", "--process", "\(bundle.directory)/process.json", bundle.id,
        ])
        #expect(started.status == .code(0), "\(started.errors)")
        let (second, others) = try taken(agent)
        #expect(second["pid"] == .integer(try #require(Int64(bundle.read("second")))))
        #expect(second["state"]?["pid"] == .integer(pid) && second["state"]?["status"] == "running")
        #expect([83, 34, 258].contains(try others.fd.answerCall(errno: EROFS)))
    }

    @Test("without an agent, and with one that is not there, nothing runs")
    func absentAgent() throws {
        let bundle = try TestBundle()
        let path = "\(bundle.directory)/nobody"
        let result = try bundle.run(
            TestConfig("true").with {
                $0.linux["seccomp"] = [
                    "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string(path),
                    "syscalls": [["names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"]],
                ]
            })
        #expect(result.errors == "swiftlet-oci: connect \(path): no such file or directory (ENOENT)\n")
        #expect(bundle.leftovers == [])
    }
}
