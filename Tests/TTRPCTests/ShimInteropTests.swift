import Glibc
import LinuxSys
import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
import TaskClient
import Testing

private let runcShim = "/usr/bin/containerd-shim-runc-v2"
private func canRunShim() -> Bool { unsafe access(runcShim, X_OK) == 0 && geteuid() == 0 }

/// containerd's own shim, a ttrpc peer that we did not write.
@Suite(
    "containerd's runc shim", .serialized,
    .enabled(if: canRunShim(), "needs containerd's runc shim (apt: containerd) and root"))
struct ShimInteropTests {
    @Test("it is started by its verb, answers Connect and State, and ends by Shutdown")
    func connect() async throws {
        let directory = try SocketDirectory()
        let server = try await TTRPCServer.listen(path: directory.socket, routes: Self.events())
        let id = "ttrpc-\(getpid())"
        try FD.open("\(directory.path)/config.json", O_WRONLY | O_CREAT, mode: 0o600).writeAll(Array("{}".utf8))
        // containerd gives its shims a FIFO to log into, and this one ends without it.
        #expect(unsafe mkfifo("\(directory.path)/log", 0o600) == 0)
        let log = try FD.open("\(directory.path)/log", O_RDWR)
        let socket = try await ShimProcess.start(
            shim: runcShim, id: id, namespace: "swiftlet-test", bundle: directory.path, eventAddress: directory.socket)
        #expect(socket.hasPrefix("/"))
        let task = try await TaskService(socket: socket, namespace: "swiftlet-test")
        let answer = try await task.connect(id)
        #expect(answer.shimPid > 0)
        do {
            _ = try await task.state(id)
            Issue.record("a task that was never created has a state")
        } catch { #expect(error.code == .notFound, "\(error)") }
        do {
            _ = try await task.pids(id)
            Issue.record("a task that was never created has pids")
        } catch { #expect(!error.message.isEmpty) }
        let process = try FD.pidfd(of: Int32(answer.shimPid))
        try await task.shutdown(id, now: true)
        await task.waitForClose()
        await task.close()
        let gone = waitUntilGone(process)
        #expect(gone, "the shim still runs after Shutdown")
        await server.close()
        withExtendedLifetime(log.raw) {}
        removeLeftovers(directory, socket)
    }

    @Test("a bundle that is not there is one line with the program, the directory and the reason")
    func noBundle() async throws {
        do {
            _ = try await ShimProcess.start(shim: runcShim, id: "x", namespace: "n", bundle: "/nonexistent/bundle")
            Issue.record("started")
        } catch { #expect("\(error)" == "run \(runcShim) in /nonexistent/bundle: no such file or directory (ENOENT)") }
    }

    @Test("what a failing shim says on stderr is in the error")
    func failing() async throws {
        do {
            _ = try await ShimProcess.start(shim: runcShim, id: "", namespace: "n", bundle: "/tmp")
            Issue.record("started without an id")
        } catch {
            #expect("\(error)".hasPrefix("shim start : "), "\(error)")
            #expect("\(error)".count > 15, "\(error)")
        }
        await #expect(throws: ShimError.self) { try await ShimProcess.start(shim: "/bin/true", id: "x", namespace: "n", bundle: "/tmp") }
    }

    private static func events() -> Routes {
        var routes = Routes()
        routes.unary("containerd.services.events.ttrpc.v1.Events", "Forward") {
            (_: Containerd_Services_Events_Ttrpc_V1_ForwardRequest, _) in Google_Protobuf_Empty()
        }
        return routes
    }

    private func waitUntilGone(_ process: borrowing FD) -> Bool {
        var entry = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, 10_000) == 1
    }

    /// The shim writes its address into its bundle and may leave its socket behind; the rest is ours.
    private func removeLeftovers(_ directory: SocketDirectory, _ socket: String) {
        for name in ["address", "config.json", "log", "shim-binary-path"] { _ = unsafe unlink("\(directory.path)/\(name)") }
        _ = unsafe unlink(socket)
    }
}
