import Foundation
import LinuxSys
import Messages
import SwiftProtobuf
package import TTRPC
package import TaskClient

/// One shim with its container, and the connection to it.
package final class ShimSession: Sendable {
    package let id: String
    package let bundle: String
    package let socket: String
    package let task: TaskService
    package let shimPID: Int32

    init(id: String, bundle: String, socket: String) async throws {
        self.id = id
        self.bundle = bundle
        self.socket = socket
        task = try await TaskService(socket: socket, namespace: Orchestrator.namespace)
        // Who called listen(2) (SO_PEERCRED, unix(7)).
        shimPID = try FD.connect(to: socket).peerCredentials().pid
    }

    /// A second connection, as after a restart of the orchestrator.
    package func connectAgain() async throws(Status) -> TaskService {
        try await TaskService(socket: socket, namespace: Orchestrator.namespace)
    }

    /// What names the socket's directory entry and its neighbours.
    package var socketName: String { String((socket.split(separator: "/").last ?? "").split(separator: ".").first ?? "") }

    package func create(stdin: String = "", stdout: String = "", stderr: String = "", terminal: Bool = false) async throws(Status) -> UInt32
    {
        var request = Containerd_Task_V2_CreateTaskRequest()
        request.id = id
        request.bundle = bundle
        request.stdin = stdin
        request.stdout = stdout
        request.stderr = stderr
        request.terminal = terminal
        return try await task.create(request)
    }

    package func addExec(
        _ exec: String, _ arguments: [String], stdin: String = "", stdout: String = "", stderr: String = ""
    ) async throws(Status) {
        var request = Containerd_Task_V2_ExecProcessRequest()
        request.id = id
        request.execID = exec
        request.stdin = stdin
        request.stdout = stdout
        request.stderr = stderr
        request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
        request.spec.value = (try? JSONSerialization.data(withJSONObject: Orchestrator.process(arguments, id: id))) ?? Data()
        try await task.exec(request)
    }

    /// The whole life of an exec; its status.
    package func run(_ exec: String, _ arguments: [String], stdout: String = "") async throws(Status) -> UInt32 {
        try await addExec(exec, arguments, stdout: stdout)
        _ = try await task.start(id, exec: exec)
        let status = try await task.wait(id, exec: exec, timeout: .seconds(30)).exitStatus
        _ = try await task.delete(id, exec: exec)
        return status
    }

    /// Ends everything from whatever state it is in.
    package func end() async {
        try? await task.kill(id, signal: 9)
        _ = try? await task.wait(id, timeout: .seconds(10))
        _ = try? await task.delete(id)
        try? await task.shutdown(id, now: true)
        await task.waitForClose()
        await task.close()
    }
}
