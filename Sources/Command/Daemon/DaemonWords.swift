internal import Messages
internal import OCI
internal import SwiftProtobuf

extension Runtime_V1_PodSandboxState {
    var word: String {
        switch self {
        case .sandboxReady: "ready"
        case .sandboxNotready: "notready"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}

extension Runtime_V1_ContainerState {
    var word: String {
        switch self {
        case .containerCreated: "created"
        case .containerRunning: "running"
        case .containerExited: "exited"
        case .containerUnknown: "unknown"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}

extension Runtime_V1_ContainerEventType {
    var word: String {
        switch self {
        case .containerCreatedEvent: "created"
        case .containerStartedEvent: "started"
        case .containerStoppedEvent: "stopped"
        case .containerDeletedEvent: "deleted"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}

extension JSON {
    /// Protobuf's own JSON form.
    init(_ message: some Message) throws {
        let bytes: [UInt8] = try message.jsonUTF8Bytes()
        self = try JSON(parsing: bytes)
    }

    /// The values of a verbose answer, which are JSON or plain text.
    static func info(_ info: [String: String]) -> JSON {
        var object = JSONObject()
        for (name, value) in info.sorted(by: { $0.key < $1.key }) {
            do throws(JSONError) { object[name] = try JSON(parsing: Array(value.utf8)) } catch { object[name] = .string(value) }
        }
        return .object(object)
    }

    static func labels(_ labels: [String: String]) -> JSON {
        var object = JSONObject()
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
        return .object(object)
    }
}
