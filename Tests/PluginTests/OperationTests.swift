import Foundation
import Logging
import OCI
import TTRPC
import TTRPCNIO
import Testing

@testable import Plugin

@Suite("the configuration of swiftletd") struct ConfigurationTests {
    func read(_ yaml: String) throws(ConfigurationError) -> Configuration { try Configuration(yaml: yaml, file: "f") }

    @Test("the file of default values says what holds without a file") func standard() throws {
        #expect(try read(Configuration.defaultText) == Configuration())
        #expect(try read("") == Configuration() && read("# nothing\n") == Configuration())
    }

    @Test("every key is read") func everything() throws {
        let configuration = try read(
            """
            root: /a
            state: /b
            registries: /c.json
            socket: {path: /d.sock, mode: "0660", group: 0, users: [root, 1234]}
            log: {format: json, level: debug}
            metrics: {listen: "[::1]:9464"}
            """.replacing("group: 0", with: "group: \"0\""))
        #expect(configuration.root == "/a" && configuration.state == "/b" && configuration.registries == "/c.json")
        #expect(configuration.log.format == .json && configuration.log.isDebug && configuration.socket.path == "/d.sock")
        var access = SocketAccess()
        (access.mode, access.group, access.users) = (0o660, 0, [0, 1234])
        #expect(try configuration.access() == access)
        #expect(try MetricsAddress(configuration.metrics.listen) == .tcp(host: "::1", port: 9464))
    }

    @Test(
        "what is wrong is said with the file and the key",
        arguments: [
            ("rot: /a", "rot: is no key of the configuration"), ("socket: {pth: /a}", "socket.pth: is no key of the configuration"),
            ("root: a", "root: must be an absolute path"),
            ("socket: {mode: \"999\"}", "socket.mode: must be an octal mode in quotes, as \"0660\""),
            ("socket: {mode: \"0666\"}", "socket.mode: lets everybody in: say in socket.users who may call"),
            ("socket: {group: no-such-group-here}", "socket.group: there is no group no-such-group-here"),
            ("socket: {users: [no-such-user-here]}", "socket.users: there is no user no-such-user-here"),
            ("log: {format: xml}", "log.format: must be one of text, json"),
            ("metrics: {listen: \"0.0.0.0:9464\"}", "metrics.listen: 0.0.0.0 is no loopback address"),
            ("metrics: {listen: \"127.0.0.1\"}", "metrics.listen: must be a loopback address with a port, or an absolute path"),
            ("a: 1\n---\nb: 2", "has 2 documents instead of one"),
        ])
    func wrong(_ yaml: String, _ reason: String) {
        #expect(throws: ConfigurationError(file: "f", reason: reason)) { try read(yaml) }
    }

    @Test("what is no YAML is said") func syntax() {
        #expect(throws: ConfigurationError.self) { try read("root: [") }
        #expect(throws: ConfigurationError.self) { try read("root: /a\n  state: /b") }
    }

    @Test("a file that is named must be there; the usual one need not be") func missing() throws {
        #expect(throws: ConfigurationError(file: "/no/such/file", reason: "open: no such file or directory (ENOENT)")) {
            try Configuration.load("/no/such/file")
        }
    }

    @Test("who may call: by a list, by a group, or root and the daemon's own user alone") func access() throws {
        #expect(try Configuration().access().users == [] && Configuration().access().mode == 0o600)
        let group = try read("socket: {group: root}").access()
        #expect(group.mode == 0o660 && group.group == 0 && group.users == nil, "with a group the mode decides")
        #expect(SocketDirectory.mode(group) == 0o710 && SocketDirectory.mode(SocketAccess()) == 0o700)
        let everybody = try read("socket: {mode: \"0666\", users: [1]}").access()
        #expect(SocketDirectory.mode(everybody) == 0o711 && everybody.users == [1])
    }
}

@Suite("metrics") struct MetricsTests {
    @Test("a histogram counts each value once, and its page adds up") func histogram() {
        var histogram = Metrics.Histogram()
        for value in [0.0005, 0.001, 0.002, 40] { histogram.add(value) }
        var page = MetricsPage()
        page.histogram("x", "Help.", [([("m", "a\"b")], histogram)])
        let lines = page.text.split(separator: "\n").map(String.init)
        #expect(lines.prefix(3) == ["# HELP x Help.", "# TYPE x histogram", "x_bucket{m=\"a\\\"b\",le=\"0.001\"} 2"])
        #expect(lines.contains("x_bucket{m=\"a\\\"b\",le=\"30\"} 3") && lines.contains("x_bucket{m=\"a\\\"b\",le=\"+Inf\"} 4"))
        #expect(lines.last == "x_count{m=\"a\\\"b\"} 4")
    }

    @Test("calls are counted by method, errors by their code") func calls() {
        let metrics = Metrics()
        metrics.called("s", "M", .ok, took: 2_000_000)
        metrics.called("s", "M", .notFound, took: 0)
        #expect(metrics.now.methods["s/M"]?.time.count == 2 && metrics.now.methods["s/M"]?.errors == ["notFound": 1])
    }

    @Test("a running node serves what it counts", .enabled(if: NodeFixture.canRun)) func served() async throws {
        let node = try NodeFixture()
        defer { node.remove() }
        var settings = node.settings
        settings.metrics = .tcp(host: "127.0.0.1", port: 0)
        let daemon = try await Daemon.start(settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let client = CRIClient(try await TTRPCClient.connect(path: settings.socket), node)
        do {
            let pod = try await client.runPod()
            _ = try await client.run("a", in: pod, ["sleep", "100"])
            _ = try? await client.status("nothing")
            let port = try #require(daemon.metricsPort)
            let page = try #require(await Self.get(port, "/metrics"))
            for line in [
                "swiftletd_shim_starts_total 1", "swiftletd_pods{state=\"ready\"} 1", "swiftletd_containers{state=\"running\"} 1",
                "swiftletd_call_seconds_count{service=\"runtime.v1.RuntimeService\",method=\"StartContainer\"} 1",
                "swiftletd_call_errors_total{service=\"runtime.v1.RuntimeService\",method=\"ContainerStatus\",code=\"notFound\"} 1",
                "swiftletd_images 1",
            ] { #expect(page.contains(line + "\n"), "\(line)") }
            #expect(page.contains("process_open_fds ") && page.contains("process_resident_memory_bytes "))
            #expect(await Self.get(port, "/other") == nil)
        } catch {
            Issue.record(error)
        }
        try? await client.removeEverything()
        await client.close()
        await daemon.stop()
    }

    /// Nil for anything but 200. On a thread of its own: the daemon under test shares this process' pool, which must not wait for itself.
    static func get(_ port: Int, _ path: String) async -> String? {
        await withCheckedContinuation { done in Thread.detachNewThread { done.resume(returning: fetch(port, path)) } }
    }

    private static func fetch(_ port: Int, _ path: String) -> String? {
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/bash")
        let script =
            "exec 3<> /dev/tcp/127.0.0.1/\(port) && printf 'GET \(path) HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3"
        shell.arguments = ["-c", script]
        let pipe = Pipe()
        shell.standardOutput = pipe
        do { try shell.run() } catch { return nil }
        let answer = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        shell.waitUntilExit()
        guard answer.hasPrefix("HTTP/1.1 200 "), let head = answer.range(of: "\r\n\r\n") else { return nil }
        return String(answer[head.upperBound...])
    }
}
