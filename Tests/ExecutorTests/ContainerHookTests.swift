import Glibc
import LinuxSys
import OCI
import Testing

/// config.md, "POSIX-platform Hooks", and runtime.md, "Lifecycle".
@Suite("hooks of a real container", .enabled(if: Needs.containers, Needs.reason))
struct ContainerHookTests {
    private static func script(_ text: String, env: JSON = ["PATH=/bin:/usr/bin"]) -> JSON {
        ["path": "/bin/sh", "args": ["sh", "-c", .string(text)], "env": env]
    }

    /// Every hook writes the state that it gets to a file of its name.
    private static func recording(_ directory: String) -> JSON {
        var hooks = JSONObject()
        for name in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
            hooks[name] = [script("cat > \(directory)/\(name)")]
        }
        hooks["startContainer"] = [script("cat > /tmp/startContainer")]
        return .object(hooks)
    }

    @Test("each kind gets the state with the status of its moment and the pid that the host knows")
    func states() throws {
        let bundle = try TestBundle()
        try bundle.configure(
            TestConfig("sleep", "1000").with {
                $0.members["hooks"] = Self.recording(bundle.directory)
                $0.members["annotations"] = ["a": "b"]
            })
        #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        #expect(try bundle.run(["start", bundle.id]).status == .code(0))
        let pid = try JSON.integer(#require(Int64(bundle.read("pid"))))
        #expect(try bundle.run(["delete", "-f", bundle.id]).status == .code(0))
        let wanted: [(String, JSON, JSON)] = [
            ("prestart", "creating", pid), ("createRuntime", "creating", pid), ("createContainer", "creating", pid),
            ("rootfs/tmp/startContainer", "created", pid), ("poststart", "running", pid), ("poststop", "stopped", 0),
        ]
        for (name, status, number) in wanted {
            let state = try JSON(parsing: Array(bundle.read(name).utf8))
            #expect(state["status"] == status && (state["pid"] ?? 0) == number, "\(name): \(state.text())")
            #expect(state["id"] == .string(bundle.id) && state["bundle"] == .string(bundle.directory) && state["annotations"] == ["a": "b"])
        }
    }

    @Test("a hook has the environment of the document alone, no descriptor of the runtime, and a group of its own")
    func surroundings() throws {
        let bundle = try TestBundle()
        let text = "/usr/bin/env; ls /proc/self/fd; ps -o pgid= -p $$ | tr -d ' '; echo $$"
        let hooks: JSON = [
            "createRuntime": [
                [
                    "path": "/bin/sh", "args": ["sh", "-c", .string("{ \(text); } > \(bundle.directory)/said")],
                    "env": ["PATH=/bin:/usr/bin", "K=v w"],
                ]
            ]
        ]
        #expect(try bundle.run(TestConfig("true").with { $0.members["hooks"] = hooks }).status == .code(0))
        let lines = try bundle.read("said").split(separator: "\n").map(String.init)
        let pwd = lines.filter { $0.hasPrefix("PWD=") || $0.hasPrefix("_=") || $0.hasPrefix("OLDPWD=") }
        // The shell's own additions aside.
        #expect(lines.filter { !pwd.contains($0) && $0.contains("=") }.sorted() == ["K=v w", "PATH=/bin:/usr/bin"])
        let rest = lines.filter { !$0.contains("=") }
        #expect(rest.dropLast(2) == ["0", "1", "2", "3"])
        #expect(rest.suffix(2).first == rest.last)
    }

    @Test("a hook that takes too long is killed with everything that it started")
    func timeout() throws {
        let bundle = try TestBundle()
        let hook: JSON = [
            "path": "/bin/sh", "args": ["sh", "-c", .string("sleep 1000 & echo $! > \(bundle.directory)/child; wait")],
            "env": ["PATH=/bin:/usr/bin"],
            "timeout": 1,
        ]
        let result = try bundle.run(TestConfig("true").with { $0.members["hooks"] = ["prestart": [hook]] })
        #expect(result.errors == "swiftlet-oci: prestart hook /bin/sh: not done after 1 s, killed\n")
        let child = try #require(Int32(bundle.read("child").filter { $0 != "\n" }))
        // Gone, or about to be reaped by the one that adopted it.
        let gone = try? FD.pidfd(of: child)
        if let gone { #expect(try gone.waitReadable(milliseconds: 10_000)) }
        #expect(bundle.leftovers == [])
    }

    @Test(
        "a hook that fails before the program runs is an error, and what was made is undone",
        arguments: ["prestart", "createRuntime", "createContainer"])
    func failingCreate(_ kind: String) throws {
        let bundle = try TestBundle()
        let hooks: JSON = .object([kind: [Self.script("exit 4")], "poststop": [Self.script("touch \(bundle.directory)/stopped")]])
        try bundle.configure(TestConfig("true").with { $0.members["hooks"] = hooks })
        let result = try bundle.run(["create", bundle.id])
        #expect(result.errors == "swiftlet-oci: \(kind) hook /bin/sh: exit status 4\n")
        #expect(unsafe access("\(bundle.directory)/stopped", F_OK) == 0)
        #expect(bundle.leftovers == [])
    }

    @Test(
        "a startContainer or poststart hook that fails makes start fail, the container is destroyed, and its poststop hooks run",
        arguments: ["startContainer", "poststart"], ["start", "run"])
    func failingStart(_ kind: String, _ command: String) throws {
        let bundle = try TestBundle()
        let hooks: JSON = .object([
            kind: [Self.script("echo no; exit 4")], "poststop": [Self.script("echo x >> \(bundle.directory)/stopped")],
        ])
        try bundle.configure(TestConfig("sleep", "1000").with { $0.members["hooks"] = hooks })
        if command == "start" {
            #expect(try bundle.run(["create", "--pid-file", "\(bundle.directory)/pid", bundle.id]).status == .code(0))
        }
        let result = try bundle.run(
            command == "start" ? ["start", bundle.id] : ["run", "-d", "--pid-file", "\(bundle.directory)/pid", bundle.id])
        #expect(result.status == .code(1))
        #expect(result.errors == "swiftlet-oci: \(kind) hook /bin/sh: exit status 4: no\n")
        let initial = try? FD.pidfd(of: try #require(Int32(bundle.read("pid"))))
        if let initial { #expect(try initial.waitReadable(milliseconds: 10_000)) }
        #expect(try bundle.read("stopped") == "x\n")
        #expect(try bundle.run(["state", bundle.id]).status == .code(1))
        #expect(bundle.leftovers == [])
    }

    @Test("a poststop hook that fails is a warning, and the next ones run")
    func failingStop() throws {
        let bundle = try TestBundle()
        let hooks: JSON = ["poststop": [Self.script("exit 3"), Self.script("touch \(bundle.directory)/second")]]
        try bundle.configure(TestConfig("true").with { $0.members["hooks"] = hooks })
        #expect(try bundle.run(["create", bundle.id]).status == .code(0))
        let result = try bundle.run(["delete", "-f", bundle.id])
        #expect(result.status == .code(0))
        #expect(result.errors.contains("poststop hook /bin/sh: exit status 3"))
        #expect(unsafe access("\(bundle.directory)/second", F_OK) == 0)
        #expect(bundle.leftovers == [])
    }
}
