internal import LinuxSys
internal import Messages
package import OCI
internal import SwiftProtobuf
package import TTRPC
internal import TTRPCNIO

/// The socket at which a running mock kubelet answers its other verbs: ttrpc, with JSON in a `google.protobuf.StringValue`.
package struct Control: Sendable {
    private static let service = "swiftlet.kubelet.v1.Control"
    private let server: TTRPCServer

    package static func path(root: String) -> String { root + "/control.sock" }

    package static func serve(_ kubelet: Kubelet, at path: String) async throws(Status) -> Control {
        var routes = Routes()
        routes.unary(service, "Status") { (_: Google_Protobuf_Empty, _) in
            Google_Protobuf_StringValue(JSON.object(status(kubelet)).text())
        }
        routes.unary(service, "Delete") { (request: Google_Protobuf_StringValue, _) in
            guard await kubelet.keys.contains(request.value) else { throw Status(.notFound, "pod \(request.value): is not there") }
            await kubelet.delete(request.value)
            return Google_Protobuf_Empty()
        }
        return Control(server: try await TTRPCServer.listen(path: path, routes: routes))
    }

    package func close() async { await server.close() }

    private static func status(_ kubelet: Kubelet) -> JSONObject {
        let now = monotonicNanoseconds()
        return [
            "socket": .string(kubelet.node.socket), "pods": .array(kubelet.table.all.map(\.json)),
            "table": .array(PodTable.lines(kubelet.table.all, now: now).map { .string($0) }),
        ]
    }
}

/// The other end.
package struct ControlClient: Sendable {
    private static let service = "swiftlet.kubelet.v1.Control"
    private let client: TTRPCClient

    package static func connect(root: String) async throws(Status) -> ControlClient {
        do throws(Status) { return ControlClient(client: try await TTRPCClient.connect(path: Control.path(root: root))) } catch {
            throw Status(error.code, "no mock kubelet runs with \(root): \(error.message)")
        }
    }

    /// `{"socket":…, "pods": […], "table": […]}`.
    package func status() async throws -> JSON {
        let answer = try await client.unary(
            Self.service, "Status", Google_Protobuf_Empty(), as: Google_Protobuf_StringValue.self, timeout: .seconds(10))
        return try JSON(parsing: Array(answer.value.utf8))
    }

    /// Returns when the pod is gone. `key`: `namespace/name`.
    package func delete(_ key: String) async throws {
        _ = try await client.unary(Self.service, "Delete", Google_Protobuf_StringValue(key), as: Google_Protobuf_Empty.self)
    }

    package func close() async { await client.close() }
}
