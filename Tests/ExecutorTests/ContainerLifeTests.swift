import Glibc
import LinuxSys
import OCI
import Testing

@Suite("the life of a container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerLifeTests {
    private func state(_ bundle: TestBundle) throws -> JSON { try JSON(parsing: Array(bundle.run(["state", bundle.id]).output.utf8)) }

    @Test("create waits for start; exec runs inside; kill and delete end it")
    func life() throws {
        let bundle = try TestBundle()
        try bundle.configure(TestConfig("sleep", "1000"))
        let created = try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id])
        #expect(created.status == .code(0), "\(created.errors)")
        #expect(try state(bundle)["status"] == "created")
        let pid = try #require(Int32(try bundle.read("pid")))
        #expect(try state(bundle)["pid"] == .integer(Int64(pid)))
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        #expect(try state(bundle)["status"] == "running")
        let again = try bundle.run(["start", bundle.id])
        #expect(again.errors == "swiftlet-oci: start \(bundle.id): cannot start an already running container\n")

        let inside = try bundle.run(["exec", bundle.id, "sh", "-c", "ps | grep -c 'sleep 1000'; hostname; exit 3"])
        #expect(inside.status == .code(3))
        for kind in ["pid", "net", "ipc", "uts", "mnt", "cgroup"] {
            let theirs = try bundle.run(["exec", bundle.id, "readlink", "/proc/self/ns/\(kind)"]).output
            #expect(theirs == (try TestBundle.shell("readlink /proc/\(pid)/ns/\(kind)").output), "\(kind)")
        }
        #expect(
            try bundle.run(["exec", "-u", "1000:1000", "-e", "A=b", "--cwd", "/tmp", bundle.id, "sh", "-c", "id -u; echo $A; pwd"]).lines
                == ["1000", "b", "/tmp"])
        #expect(try bundle.run(["delete", bundle.id]).status == .code(1))
        #expect(try bundle.run(["kill", bundle.id, "KILL"]).status == .code(0))
        // Whoever adopted it may have reaped it already.
        do { #expect(try FD.pidfd(of: pid).waitReadable(milliseconds: 10_000)) } catch { #expect(error.errno == ESRCH) }
        #expect(try bundle.run(["delete", bundle.id]).status == .code(0))
        #expect(bundle.leftovers == [])
        #expect(try bundle.run(["state", bundle.id]).status == .code(1))
    }

    @Test("an exec joins the container's cgroup and its user namespace")
    func execInUserNamespace() throws {
        let bundle = try TestBundle()
        try TestBundle.shell("chmod 755 \(bundle.directory); chown -R 100000:100000 \(bundle.rootfs)")
        try bundle.configure(
            TestConfig("sleep", "1000").with {
                $0.linux["namespaces"] = [["type": "pid"], ["type": "mount"], ["type": "user"], ["type": "cgroup"], ["type": "network"]]
                $0.linux["uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
                $0.linux["gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
            })
        let started = try bundle.run(["run", "-d", bundle.id])
        #expect(started.status == .code(0), "\(started.errors)")
        let result = try bundle.run([
            "exec", bundle.id, "sh", "-c", "id -u; readlink /proc/1/ns/user; readlink /proc/self/ns/user; cat /proc/self/cgroup",
        ])
        #expect(result.lines.first == "0", "\(result.errors)")
        #expect(result.lines.count > 2 && result.lines[1] == result.lines[2])
        #expect(result.lines.dropFirst(3).contains { $0.hasSuffix(":/") })
    }

    @Test(
        "what cannot be executed fails at create, with the kernel's reason, and leaves nothing",
        arguments: [
            (TestConfig("nosuch"), "exec nosuch (not found in PATH): no such file or directory (ENOENT)"),
            (TestConfig("/etc/passwd"), "exec /etc/passwd: permission denied (EACCES)"),
            (TestConfig("true").with { $0.process["cwd"] = "/proc/self/fd/3" }, "chdir /proc/self/fd/3: "),
            (
                TestConfig("true").with { $0.mounts.append(TestConfig.mount("/x", "bind", ["bind"], source: "/not/there")) },
                "open_tree /not/there: "
            ),
            (
                TestConfig("true").with { $0.mounts.append(TestConfig.mount("/x", "nosuchfs", [])) },
                "mount nosuchfs /x: no such device (ENODEV)"
            ),
            (
                TestConfig("true").with { $0.process["apparmorProfile"] = "strict" },
                "config.json process.apparmorProfile: AppArmor is not enabled in this kernel"
            ),
        ])
    func failure(_ config: TestConfig, _ reason: String) throws {
        let bundle = try TestBundle()
        try bundle.configure(config)
        let result = try bundle.run(["create", bundle.id])
        #expect(result.status == .code(1))
        #expect(result.errors.hasPrefix("swiftlet-oci: \(reason)") && result.errors.hasSuffix("\n"), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(bundle.leftovers == [])
    }

    @Test("hooks run in their order and namespaces, with the state on their input")
    func hooks() throws {
        let bundle = try TestBundle()
        let log = "\(bundle.directory)/log"
        try bundle.write("", to: "log")
        func hook(_ name: String) -> JSON {
            // The state as it came, and whether the mount namespace is the host's.
            let script =
                "read s; case $s in *\\\"id\\\":\\\"\(bundle.id)\\\"*) i=id;; esac; echo \(name) $i $(test $(readlink /proc/self/ns/mnt) = $(readlink /proc/\(getpid())/ns/mnt) && echo host || echo own) >> \(log)"
            return [["path": "/bin/sh", "args": ["sh", "-c", .string(script)], "env": ["PATH=/bin:/usr/bin"]]]
        }
        var hooks = JSONObject()
        for name in ["poststop", "poststart", "createContainer", "createRuntime", "prestart"] { hooks[name] = hook(name) }
        hooks["startContainer"] = [
            ["path": "/bin/sh", "args": ["sh", "-c", "read s; echo startContainer $$ > /tmp/started"], "env": ["PATH=/bin"]]
        ]
        let config = TestConfig("cat", "/tmp/started").with { $0.members["hooks"] = .object(hooks) }
        let result = try bundle.run(config)
        #expect(result.status == .code(0), "\(result.errors)")
        #expect(result.output.hasPrefix("startContainer "))
        #expect(
            try bundle.read("log").split(separator: "\n").map(String.init) == [
                "prestart id host", "createRuntime id host", "createContainer id own", "poststart id host", "poststop id host",
            ])
    }

    @Test("a failing or slow hook ends the creation and everything is undone; poststop hooks still run")
    func failingHook() throws {
        let bundle = try TestBundle()
        let stop: JSON = [["path": "/bin/touch", "args": ["touch", .string("\(bundle.directory)/stopped")]]]
        let cases: [(JSON, String)] = [
            (["path": "/bin/sh", "args": ["sh", "-c", "echo oh no >&2; exit 3"]], "createRuntime hook /bin/sh: exit status 3: oh no"),
            (["path": "/bin/sleep", "args": ["sleep", "100"], "timeout": 1], "createRuntime hook /bin/sleep: not done after 1 s, killed"),
        ]
        for (hook, reason) in cases {
            let result = try bundle.run(TestConfig("true").with { $0.members["hooks"] = ["createRuntime": [hook], "poststop": stop] })
            #expect(result.status == .code(1))
            #expect(result.errors == "swiftlet-oci: \(reason)\n")
            #expect(unsafe unlink("\(bundle.directory)/stopped") == 0)
            #expect(bundle.leftovers == [])
        }
    }

    @Test("a terminal goes to the console socket, and is the program's controlling terminal and /dev/console")
    func terminal() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig(script: "tty; test -c /dev/console && echo console; echo hi > /dev/tty").with { $0.process["terminal"] = true })
        let path = "\(bundle.directory)/console"
        let listener = try FD.listen(at: path)
        let result = try bundle.run(["create", "--console-socket", path, bundle.id])
        #expect(result.status == .code(0), "\(result.errors)")
        #expect(try listener.waitReadable(milliseconds: 5_000))
        guard let connection = try listener.accept() else {
            Issue.record("nobody connected")
            return
        }
        #expect(try connection.waitReadable(milliseconds: 5_000))
        let received = try connection.receive()
        let message = try #require(received)
        let console = try #require(message.fds.first)
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        var shown = ""
        while !shown.contains("hi\r\n"), try console.fd.waitReadable(milliseconds: 10_000) {
            var buffer = [UInt8](repeating: 0, count: 1024)
            guard case .bytes(let count) = try console.fd.read(into: &buffer) else { break }
            shown += String(decoding: buffer[..<count], as: UTF8.self)
        }
        #expect(shown == "/dev/pts/0\r\nconsole\r\nhi\r\n")
    }

    @Test("an unknown option is named, and an id cannot lead out of the state directory")
    func commandLine() throws {
        let bundle = try TestBundle()
        #expect(try bundle.run(["create", "--bogus", "x"]).errors == "swiftlet-oci: create: unknown option --bogus\n")
        #expect(try bundle.run(["state", "../x"]).status == .code(1))
        #expect(try bundle.run(["state", "missing"]).errors == "swiftlet-oci: state missing: container does not exist\n")
        #expect(try bundle.run(["--version"]).output.hasPrefix("swiftlet-oci version "))
    }

    @Test("the template that `spec` writes runs")
    func template() throws {
        let bundle = try TestBundle()
        #expect(try bundle.run(["spec"]).status == .code(0))
        #expect(try bundle.run(["spec"]).status == .code(1))
        var document = try JSON(parsing: Array(bundle.read("config.json").utf8)).object
        var process = document?["process"]?.object
        process?["terminal"] = false
        process?["args"] = ["true"]
        document?["process"] = process.map { .object($0) }
        try bundle.write(JSON.object(try #require(document)).text(), to: "config.json")
        let result = try bundle.run(["run", bundle.id])
        #expect(result.status == .code(0), "\(result.errors)")
    }
}
