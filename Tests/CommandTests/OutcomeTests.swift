import ArgumentParser
import Testing

@testable import Command

@Suite("exits and signals") struct OutcomeTests {
    @Test(
        "the status tells whose fault it was",
        arguments: [
            ("exec no-such: no such file or directory (ENOENT)", 127), ("exec sh: executable file not found in PATH", 127),
            ("exec /etc/passwd: permission denied (EACCES)", 126),
            ("exec /x: exec format error (ENOEXEC)", 126), ("mount overlay on /x: no such file or directory (ENOENT)", 125),
            ("look up user u: not found", 125),
        ] as [(String, Int32)])
    func status(reason: String, status: Int32) { #expect(CommandStatus.ofStartFailure(reason) == status) }

    @Test("signals go to the container, the third request to end kills it")
    func forwarding() {
        var rule = SignalForwarding()
        #expect(rule.received(15) == .abandon(15))
        rule.isRunning = true
        #expect(rule.received(28) == .resize)
        #expect([2, 1, 15, 10, 2].map { rule.received($0) } == [.forward(2), .forward(1), .forward(15), .forward(10), .kill])
    }

    @Test("global options may stand before the command")
    func hoisting() {
        #expect(
            hoistGlobalOptions(["--root", "/r", "--debug", "run", "-t", "i", "--root"]) == [
                "run", "--root", "/r", "--debug", "-t", "i", "--root",
            ])
        #expect(hoistGlobalOptions(["--root=/r", "ps"]) == ["ps", "--root=/r"])
        #expect(hoistGlobalOptions(["ps", "--debug"]) == ["ps", "--debug"])
        #expect(hoistGlobalOptions(["--help"]) == ["--help"])
        #expect(hoistGlobalOptions(["--debug", "--version"]) == ["--version"])
        #expect(hoistGlobalOptions([]) == [])
    }

    @Test("everything after the image is the container's")
    func passthrough() throws {
        let joined = ["run", "--rm", "-it", "-eA=-b", "-e", "-C=d", "-v/a:/b", "image", "sh", "--rm", "-c", "--help", "--", "-eX", "x"]
        let run = try #require(try Swiftlet.parseAsRoot(splitJoinedOptions(joined)) as? RunCommand)
        #expect(run.image == "image")
        #expect(run.command == ["sh", "--rm", "-c", "--help", "--", "-eX", "x"])
        #expect(run.options.rm && run.options.terminal && run.options.interactive && !run.options.detach)
        #expect(run.options.env == ["A=-b", "-C=d"])
        #expect(run.options.volume == ["/a:/b"])
        let exec = try #require(try Swiftlet.parseAsRoot(["exec", "-u", "1:2", "c", "ls", "-u", "--version"]) as? ExecCommand)
        #expect(exec.command == ["ls", "-u", "--version"] && exec.user == "1:2")
    }

    @Test(
        "what cannot be is refused when it is asked for",
        arguments: [
            ["run", "--bogus", "image"], ["run", "--name", "a/b", "image"], ["run", "--memory", "1q", "image"],
            ["run"], ["exec", "c"],
            ["run", "--network", "bridge", "image"], ["run", "-d", "-i", "image"], ["run", "--pids-limit", "0", "image"],
            ["start", "-a", "b", "c"], ["nonsense"],
        ])
    func refused(arguments: [String]) { #expect(throws: (any Error).self) { try Swiftlet.parseAsRoot(arguments) } }
}
