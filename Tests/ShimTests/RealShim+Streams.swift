import CRILog
import Foundation
import LinuxSys
import Messages
import ShimDriver
import TTRPC
import TaskClient
import Testing

/// `yes 0123456789abcdef | head -c SIZE` as bytes.
private func pattern(_ size: Int) -> Data {
    let line = Data("0123456789abcdef\n".utf8)
    var out = Data(capacity: size + line.count)
    while out.count < size { out.append(line) }
    return out.prefix(size)
}

private func entries(_ path: String) -> [LogEntry] {
    var reader = LogReader()
    return reader.feed((try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data())
}

extension RealShim {
    private static func cri(_ o: Orchestrator, _: String) -> String { "cri://\(o.directory)/out.log" }
    private static func raw(_ o: Orchestrator, _: String) -> String { "file://\(o.directory)/out.log" }
    private static let talk = ["sh", "-c", "yes 0123456789abcdef | head -c 20000000; exit 0"]

    @Test("rule 12: twenty megabytes into a FIFO whose reader is slow, goes and comes back arrive whole", .timeLimit(.minutes(1)))
    func vanishingReader() async throws {
        let fifo = { (o: Orchestrator, _: String) -> String in
            _ = unsafe mkfifo(o.directory + "/out", 0o600)
            return o.directory + "/out"
        }
        try await Self.running(Self.talk, stdout: fifo) { orchestrator, session in
            var received = Data()
            for round in 0..<3 {
                // What was in the pipe when the reader went is still there when it comes back: the shim holds it open.
                let reader = try FD.open(orchestrator.directory + "/out", O_RDONLY | O_NONBLOCK)
                var buffer = [UInt8](repeating: 0, count: 30_000)
                while received.count < (round < 2 ? (round + 1) * 100_000 : 20_000_000) {
                    guard try reader.waitReadable(milliseconds: 10_000) else { break }
                    if case .bytes(let count) = try reader.read(into: &buffer) { received.append(contentsOf: buffer[..<count]) }
                }
            }
            let isWhole = received == pattern(20_000_000)
            #expect(isWhole, "\(received.count) bytes")
            #expect(try await session.task.wait(session.id, timeout: .seconds(10)).exitStatus == 0)
        }
    }

    @Test("rule 13: an exec's exit comes after its output, and a child that keeps the pipe open delays it by a bounded time only")
    func drained() async throws {
        try await Self.running { orchestrator, session in
            let log = orchestrator.directory + "/exec.log"
            let start = ContinuousClock.now
            let status1 = try await session.run("e", ["sh", "-c", "sleep 1000 & echo all of it; exit 3"], stdout: "file://\(log)")
            #expect(status1 == 3)
            #expect(Self.text(log) == "all of it\n")
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("rule 13: an exec's exit comes after what its reader has still to take") func slowReader() async throws {
        try await Self.running { orchestrator, session in
            let fifo = orchestrator.directory + "/exec.out"
            #expect(unsafe mkfifo(fifo, 0o600) == 0)
            let reader = try FD.open(fifo, O_RDONLY | O_NONBLOCK)
            // Whole pages, more than the FIFO holds and less than it and the pipe before it: the process ends, and its output is on the way.
            let script = "/bin/busybox dd if=/dev/zero bs=4096 count=24 2> /dev/null; echo > /tmp/written; exit 3"
            try await session.addExec("e", ["sh", "-c", script], stdout: fifo)
            _ = try await session.task.start(session.id, exec: "e")
            let found = try await session.run("look", ["sh", "-c", "until [ -e /tmp/written ]; do sleep 0.01; done"])
            #expect(found == 0)
            await #expect(throws: Status.self) { try await session.task.wait(session.id, exec: "e", timeout: .seconds(1)) }
            var received = 0
            var buffer = [UInt8](repeating: 0, count: 30_000)
            while received < 24 * 4096, try reader.waitReadable(milliseconds: 10_000),
                case .bytes(let count) = try reader.read(into: &buffer)
            {
                received += count
            }
            #expect(received == 24 * 4096)
            #expect(try await session.task.wait(session.id, exec: "e", timeout: .seconds(5)).exitStatus == 3)
        }
    }

    @Test("init's exit is told when the reader of its FIFO has taken what it wrote, and without that after half a second")
    func exitAfterOutput() async throws {
        try await Self.with { orchestrator, id in
            let fifo = orchestrator.directory + "/out"
            #expect(unsafe mkfifo(fifo, 0o600) == 0)
            let reader = try FD.open(fifo, O_RDONLY | O_NONBLOCK)
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", "echo all of it"]))
            _ = try await session.create(stdout: fifo)
            _ = try await session.task.start(id)
            // A client may close its end as soon as it knows (ctr does), and what it had not read then would be lost.
            await #expect(throws: Status.self) { try await session.task.wait(id, timeout: .milliseconds(200)) }
            #expect(try reader.bytesWaiting() == 10)
            #expect(try await session.task.wait(id, timeout: .seconds(5)).exitStatus == 0)
            await session.end()
        }
    }

    @Test("rule 14: CloseIO before anything is written is remembered, and no descriptor outlives its exec") func closeEarly() async throws {
        try await Self.running { orchestrator, session in
            let fifo = orchestrator.directory + "/in"
            #expect(unsafe mkfifo(fifo, 0o600) == 0)
            _ = try await session.run("warm", ["true"])
            let before = Processes.descriptors(of: session.shimPID)
            try await session.addExec("e", ["cat"], stdin: fifo, stdout: "file://\(orchestrator.directory)/cat.out")
            try await session.task.closeIO(session.id, exec: "e")
            _ = try await session.task.start(session.id, exec: "e")
            #expect(try await session.task.wait(session.id, exec: "e", timeout: .seconds(10)).exitStatus == 0)
            _ = try await session.task.delete(session.id, exec: "e")
            #expect(await eventually { Processes.descriptors(of: session.shimPID) <= before })
        }
    }

    @Test("rule 15: a full disk costs output and is reported, the container goes on, and no entry is torn", .timeLimit(.minutes(1)))
    func fullDisk() async throws {
        try await Self.with { orchestrator, id in
            let disk = orchestrator.directory + "/disk"
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
            try mountPath("tmpfs", on: disk, type: "tmpfs", flags: 0, data: "size=1m")
            defer { try? detachMount(disk) }
            let bundle = try orchestrator.bundle(id, ["sh", "-c", "yes 0123456789abcdef | head -c 5000000; exit 6"])
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create(stdout: "cri://\(disk)/log")
            _ = try await session.task.start(id)
            #expect(try await session.task.wait(id, timeout: .seconds(30)).exitStatus == 6)
            await session.end()
            var reader = LogReader()
            let found = reader.feed(try Data(contentsOf: URL(fileURLWithPath: disk + "/log")))
            #expect(found.count > 1000 && reader.malformed == 0 && reader.isAtLineStart)
            #expect(Self.text(bundle + "/shim.log").contains("output is lost until it can be written again"))
        }
    }

    @Test("rule 15: what a writer that was killed left of an entry is cut off before anything is written behind it")
    func tornEntry() async throws {
        try await Self.running(["sh", "-c", "while :; do echo tick; sleep 0.01; done"], stdout: Self.cri) { orchestrator, session in
            let log = orchestrator.directory + "/out.log"
            #expect(await eventually { entries(log).count > 3 })
            let writer = try #require(await Self.writer(of: session))
            // The shim does not start the next one before the torn entry is there.
            kill(session.shimPID, SIGSTOP)
            kill(writer, SIGKILL)
            #expect(await eventually { Processes.state(writer) == "Z" })
            let torn = try FD.open(log, O_WRONLY | O_APPEND)
            _ = try torn.write(Array("2026-01-01T00:00:00.000000000Z stdout F to".utf8))
            let before = entries(log).count
            kill(session.shimPID, SIGCONT)
            #expect(await eventually { entries(log).count > before + 3 })
            #expect(entries(log).allSatisfy { $0.content.elementsEqual("tick".utf8) })
        }
    }

    @Test("rule 15: a writer of logs that is killed is replaced, and the file has whole entries only", .timeLimit(.minutes(1)))
    func killedWriter() async throws {
        let script = [
            "sh", "-c", "until [ -e /stop ]; do yes line | head -c 100000; sleep 0.01; done; echo; echo end; exec sleep 1000",
        ]
        try await Self.running(script, stdout: Self.cri) { orchestrator, session in
            for _ in 0..<3 { kill(try #require(await Self.writer(of: session)), SIGKILL) }
            // Only now: what a writer has taken when it is killed is gone with it.
            try Data().write(to: URL(fileURLWithPath: orchestrator.directory + "/root/stop"))
            let log = orchestrator.directory + "/out.log"
            #expect(await eventually { entries(log).last?.content.elementsEqual("end".utf8) == true })
            var reader = LogReader()
            _ = reader.feed(try Data(contentsOf: URL(fileURLWithPath: log)))
            #expect(reader.malformed == 0)
            #expect(Self.text(session.bundle + "/shim.log").contains("was killed by signal 9"))
        }
    }

    @Test("rule 15: a log that cannot be opened refuses Create by name, and nothing was run") func noLog() async throws {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["true"]))
            do throws(Status) {
                _ = try await session.create(stdout: "cri:///no/such/directory/log")
                Issue.record("created")
            } catch { #expect(error.message.contains("open /no/such/directory/log"), "\(error)") }
            #expect(orchestrator.events.names(of: id) == [])
            await session.end()
        }
    }

    @Test("rule 16: entries are those of CRI, cut at 16 KiB, and both streams share one file") func criFormat() async throws {
        try await Self.with { orchestrator, id in
            let script = "echo one; echo two >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf tail; exec sleep 1000"
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["/bin/busybox", "sh", "-c", script]))
            let log = "cri://\(orchestrator.directory)/out.log"
            _ = try await session.create(stdout: log, stderr: log)
            _ = try await session.task.start(id)
            let path = orchestrator.directory + "/out.log"
            #expect(await eventually { Self.text(path).hasSuffix("stdout P tail\n") })
            let all = entries(path)
            #expect(all.filter { $0.stream == .stderr }.map { String(decoding: $0.content, as: UTF8.self) } == ["two"])
            #expect(all.allSatisfy { $0.content.count <= 16_384 })
            let said = all.filter { $0.stream == .stdout }.flatMap(\.output)
            #expect(said.elementsEqual(Data("one\n".utf8) + Data(repeating: 0x78, count: 40_000) + Data("\ntail".utf8)))
            await session.end()
        }
    }

    @Test("rule 16: after a rotation the log goes on in the new file, asked for by call or by SIGHUP") func rotation() async throws {
        let script = ["sh", "-c", "while :; do echo tick; sleep 0.01; done"]
        try await Self.running(script, stdout: Self.cri) { orchestrator, session in
            let log = orchestrator.directory + "/out.log"
            #expect(await eventually { Self.text(log).contains("tick") })
            try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
            try await session.task.reopenLogs()
            // Answered: the file is there.
            #expect(FileManager.default.fileExists(atPath: log))
            #expect(await eventually { Self.text(log).contains("tick") })
            try FileManager.default.moveItem(atPath: log, toPath: log + ".2")
            kill(session.shimPID, SIGHUP)
            #expect(await eventually { Self.text(log).contains("tick") })
            let all = [log + ".1", log + ".2", log].flatMap { entries($0) }
            #expect(all.allSatisfy { $0.content.elementsEqual("tick".utf8) && !$0.isPartial })
        }
    }

    @Test("a container that says nothing has no writer of logs after a while, and one again when it speaks", .timeLimit(.minutes(1)))
    func idleWriter() async throws {
        let script = ["sh", "-c", "echo first; read x < /tmp/go; echo second; exec sleep 1000"]
        try await Self.running(["sh", "-c", "/bin/busybox mkfifo /tmp/go; \(script[2])"], stdout: Self.raw) { orchestrator, session in
            let log = orchestrator.directory + "/out.log"
            #expect(await eventually { Self.text(log) == "first\n" })
            #expect(await eventually(within: .seconds(15)) { Processes.children(of: session.shimPID, named: "swiftlet-log").isEmpty })
            let status2 = try await session.run("go", ["sh", "-c", "echo > /tmp/go"])
            #expect(status2 == 0)
            #expect(await eventually { Self.text(log) == "first\nsecond\n" })
        }
    }

    @Test("twenty megabytes into a file and into a logging program arrive whole", .timeLimit(.minutes(1))) func volume() async throws {
        try await Self.running(Self.talk, stdout: Self.raw) { orchestrator, session in
            let first = try await session.task.wait(session.id, timeout: .seconds(30)).exitStatus
            #expect(first == 0)
            _ = try await session.task.delete(session.id)
            #expect(
                await eventually {
                    (try? Data(contentsOf: URL(fileURLWithPath: orchestrator.directory + "/out.log"))) == pattern(20_000_000)
                })
        }
        try await Self.with { orchestrator, id in
            let program = try Self.logger(orchestrator, "exec 5>&-; cat <&3 > $dir/three & cat <&4 > $dir/four; wait")
            let script = "yes 0123456789abcdef | head -c 20000000; echo error >&2"
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", script]))
            _ = try await session.create(stdout: program, stderr: program)
            _ = try await session.task.start(id)
            _ = try await session.task.wait(id, timeout: .seconds(30))
            await session.end()
            #expect(
                await eventually { (try? Data(contentsOf: URL(fileURLWithPath: orchestrator.directory + "/three"))) == pattern(20_000_000) }
            )
            #expect(Self.text(orchestrator.directory + "/four") == "error\n")
        }
    }

    /// A logging program; its URI. `$dir` is the orchestrator's directory.
    private static func logger(_ orchestrator: Orchestrator, _ script: String) throws -> String {
        let path = orchestrator.directory + "/logger"
        try "#!/bin/sh\ndir=\(orchestrator.directory)\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
        _ = unsafe chmod(path, 0o755)
        return "binary://\(path)?first=one%20word&second=a+b&third"
    }

    @Test("a logging program gets its arguments, the container's name in its environment and nothing else, and says when it is ready")
    func loggingProgram() async throws {
        try await Self.with { orchestrator, id in
            let script = """
                { for a in "$@"; do echo "arg $a"; done; /usr/bin/env | grep -v -e ^PWD -e ^_= -e ^SHLVL; ls /proc/self/fd | wc -l; } > $dir/said
                echo x >&5; exec 5>&-
                cat <&3 > $dir/out
                """
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["sh", "-c", "echo hello"]))
            _ = try await session.create(stdout: try Self.logger(orchestrator, script))
            _ = try await session.task.start(id)
            _ = try await session.task.wait(id, timeout: .seconds(10))
            await session.end()
            #expect(await eventually { Self.text(orchestrator.directory + "/out") == "hello\n" })
            let said = Self.text(orchestrator.directory + "/said").split(separator: "\n").map(String.init)
            #expect(said.prefix(6) == ["arg first", "arg one word", "arg second", "arg a b", "arg third", "arg "])
            #expect(said.dropFirst(6).dropLast().sorted() == ["CONTAINER_ID=\(id)", "CONTAINER_NAMESPACE=swl"])
            // 0, 1, 2, the three of the contract, and that of ls itself.
            #expect(said.last == "7")
        }
    }

    @Test("the death of a logging program is reported and never blocks the container", .timeLimit(.minutes(1))) func dyingLogger()
        async throws
    {
        try await Self.with { orchestrator, id in
            let program = try Self.logger(orchestrator, "exec 5>&-; /usr/bin/head -c 10 <&3 > $dir/out; exit 4")
            let bundle = try orchestrator.bundle(id, Self.talk)
            let session = try await orchestrator.start(id, bundle: bundle)
            _ = try await session.create(stdout: program)
            _ = try await session.task.start(id)
            #expect(try await session.task.wait(id, timeout: .seconds(30)).exitStatus == 0)
            await session.end()
            #expect(Self.text(bundle + "/shim.log").contains("logger: it ended with status 4"))
        }
    }

    @Test("a logging program that cannot be executed, and an address of one that makes no sense, refuse Create by name") func noLogger()
        async throws
    {
        try await Self.with { orchestrator, id in
            let session = try await orchestrator.start(id, bundle: try orchestrator.bundle(id, ["true"]))
            for (address, reason) in [
                ("binary:///no/such/logger", "exec /no/such/logger: no such file or directory"),
                ("binary://relative", "has to be absolute"), ("binary:///bin/%zz", "has to be absolute"),
                ("binary:///bin/x?a=%0", "cannot be decoded"),
            ] {
                do throws(Status) {
                    _ = try await session.create(stdout: address)
                    Issue.record("created with \(address)")
                } catch { #expect(error.message.contains(reason), "\(error)") }
            }
            await session.end()
        }
    }
}
