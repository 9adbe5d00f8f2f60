import Foundation
package import Messages
import SwiftProtobuf
import TTRPC
import TTRPCNIO
package import TaskClient

/// An orchestrator played against real shims: it takes their events, makes bundles of busybox, and knows what must not be left.
package final class Orchestrator: Sendable {
    package let directory: String
    package let shim: String
    package let events = EventLog()
    private let listening = Guarded<TTRPCServer?>(nil)

    package static let namespace = "swl"

    /// Everything it makes is in a new directory below `parent`.
    package init(shim: String, in parent: String = NSTemporaryDirectory()) throws {
        self.shim = shim
        directory = "\(parent)/swl-shim-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory + "/root/bin", withIntermediateDirectories: true)
        for name in ["proc", "dev", "tmp", "sys", "etc"] {
            try FileManager.default.createDirectory(atPath: "\(directory)/root/\(name)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: directory + "/root/bin/busybox")
        for name in [
            "sh", "sleep", "cat", "echo", "true", "false", "dd", "head", "yes", "tail", "kill", "ps", "touch", "sync", "seq", "tr",
            "printf",
        ] {
            try FileManager.default.createSymbolicLink(atPath: "\(directory)/root/bin/\(name)", withDestinationPath: "busybox")
        }
    }

    package var eventAddress: String { directory + "/events.sock" }
    package var socketDirectory: String { directory + "/s" }

    /// Takes events from now on.
    package func listen() async throws {
        var routes = Routes()
        let events = events
        routes.unary("containerd.services.events.ttrpc.v1.Events", "Forward") {
            (request: Containerd_Services_Events_Ttrpc_V1_ForwardRequest, _) in
            events.put(request.envelope)
            return Google_Protobuf_Empty()
        }
        let server = try await TTRPCServer.listen(path: eventAddress, routes: routes)
        listening.set(server)
    }

    /// As when it is killed: nobody takes events.
    package func goDeaf() async {
        let server = listening.get()
        listening.set(nil)
        await server?.close()
    }

    /// A bundle whose init runs `arguments`; `change` has the document before it is written.
    package func bundle(
        _ id: String, _ arguments: [String], _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws -> String {
        let bundle = "\(directory)/b/\(id)"
        try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
        var document: [String: Any] = [
            "ociVersion": "1.1.0", "process": Self.process(arguments, id: id), "root": ["path": directory + "/root", "readonly": true],
            "hostname": "swl",
            "mounts": [
                ["destination": "/proc", "type": "proc", "source": "proc"],
                ["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]],
                ["destination": "/tmp", "type": "tmpfs", "source": "tmpfs"],
            ],
            "linux": [
                "cgroupsPath": "/\(id)",
                "namespaces": ["pid", "mount", "ipc", "uts"].map { ["type": $0] },
            ],
        ]
        change(&document)
        try JSONSerialization.data(withJSONObject: document).write(to: URL(fileURLWithPath: bundle + "/config.json"))
        return bundle
    }

    /// The `process` object of a specification. The mark is how leftovers are found.
    package static func process(_ arguments: [String], id: String) -> [String: Any] {
        ["args": arguments, "cwd": "/", "env": ["PATH=/bin", "SWL_MARK=\(id)"], "user": ["uid": 0, "gid": 0], "terminal": false]
    }

    package func start(_ id: String, bundle: String, debug: Bool = false) async throws -> ShimSession {
        let socket = try await ShimProcess.start(
            shim: shim, id: id, namespace: Self.namespace, bundle: bundle, eventAddress: eventAddress, debug: debug,
            socketDirectory: socketDirectory)
        return try await ShimSession(id: id, bundle: bundle, socket: socket)
    }

    /// What containerd does when a shim is gone.
    package func cleanUp(_ id: String, bundle: String) async throws(ShimError) -> Containerd_Task_V2_DeleteResponse {
        try await ShimProcess.delete(
            shim: shim, id: id, namespace: Self.namespace, bundle: bundle, eventAddress: eventAddress, socketDirectory: socketDirectory)
    }

    /// Processes, mounts, cgroups, sockets and stored exits of a container. Waits a moment for what is about to go.
    package func leftovers(of id: String, patience: Duration = .seconds(5)) async -> [String] {
        let end = ContinuousClock.now + patience
        while true {
            let found = look(for: id)
            if found.isEmpty || ContinuousClock.now > end { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func look(for id: String) -> [String] {
        let files = FileManager.default
        var found = Processes.marked(id).map { "process \($0)" }
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        found += mounts.split(separator: "\n").filter { $0.contains("/b/\(id)") }.map { "mount \($0)" }
        for hierarchy in (try? files.contentsOfDirectory(atPath: "/sys/fs/cgroup")) ?? [] where hierarchy != id {
            if files.fileExists(atPath: "/sys/fs/cgroup/\(hierarchy)/\(id)") { found.append("cgroup \(hierarchy)/\(id)") }
        }
        if files.fileExists(atPath: "/sys/fs/cgroup/\(id)") { found.append("cgroup \(id)") }
        let sockets = (try? files.contentsOfDirectory(atPath: directory + "/s")) ?? []
        let others = sessions.get()
        found += sockets.filter { name in !others.contains { name.hasPrefix($0) } }.map { "socket \($0)" }
        return found
    }

    /// The names of sockets that belong to other containers, which still run.
    package let sessions = Guarded<Set<String>>([])

    package func remove() async {
        await goDeaf()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// A value behind a lock.
package final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value
    package init(_ value: Value) { self.value = value }
    package func get() -> Value { lock.withLock { value } }
    package func set(_ new: Value) { lock.withLock { value = new } }
    package func change<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
}
