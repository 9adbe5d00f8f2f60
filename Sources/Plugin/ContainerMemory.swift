package import Messages
package import OCI
internal import SwiftProtobuf

/// What swiftletd has to know of a container after a restart of its own, in the `extra` of the store's record.
package struct ContainerMemory: Equatable, Sendable {
    package var config: Runtime_V1_ContainerConfig
    package var logPath: String
    package var stopSignal: Int32
    /// Who the program runs as; nil until that is known.
    package var user: ContainerUser?
    /// Of the shim; empty while there is none.
    package var socket = ""
    package var life = ContainerLife.created
    /// False until CreateContainer has come to its end: what a crash left half made is removed.
    package var isComplete = false

    package init(config: Runtime_V1_ContainerConfig, logPath: String, stopSignal: Int32) {
        self.config = config
        self.logPath = logPath
        self.stopSignal = stopSignal
    }

    /// Version of this form.
    private static let version: Int64 = 1

    package func json() throws -> JSON {
        var object = JSONObject()
        object["version"] = .integer(Self.version)
        object["config"] = try JSON(parsing: config.jsonUTF8Bytes())
        object["logPath"] = .string(logPath)
        object["stopSignal"] = .integer(Int64(stopSignal))
        object["socket"] = .string(socket)
        object["complete"] = .bool(isComplete)
        if let user { object["user"] = user.json }
        switch life {
        case .created: break
        case .starting: object["starting"] = true
        case .running(let started): object["startedAt"] = .integer(Int64(clamping: started))
        case .exited(let started, let exit):
            if let started { object["startedAt"] = .integer(Int64(clamping: started)) }
            object["exit"] = [
                "code": .integer(Int64(exit.code)), "time": .integer(Int64(clamping: exit.time)), "reason": .string(exit.reason.rawValue),
                "message": .string(exit.message),
            ]
        }
        return .object(object)
    }

    package init(_ document: JSON) throws {
        let field = JSONField(document)
        let version: Int64 = try field.member("version").integer()
        guard version == Self.version else { throw FieldError("version", "\(version) is not known") }
        let text = try field.member("config").value ?? .object(JSONObject())
        var options = JSONDecodingOptions()
        // A newer swiftletd may have known more fields.
        options.ignoreUnknownFields = true
        config = try Runtime_V1_ContainerConfig(jsonUTF8Bytes: text.encoded(), options: options)
        logPath = try field.member("logPath").string()
        stopSignal = try field.member("stopSignal").integer()
        socket = try field.member("socket").string()
        isComplete = try field.member("complete").optionalBool() ?? false
        let user = try field.member("user")
        if user.isPresent { self.user = try ContainerUser(user) }
        let started: UInt64? = try field.member("startedAt").optionalInteger()
        let exit = try field.member("exit")
        if exit.isPresent {
            life = .exited(started: started, try Self.exit(exit))
        } else {
            let wasStarting = try field.member("starting").optionalBool() ?? false
            life = started.map { .running(since: $0) } ?? (wasStarting ? .starting(exit: nil) : .created)
        }
    }

    private static func exit(_ field: JSONField) throws -> ContainerExit {
        let reason = try field.member("reason").string()
        guard let known = ContainerExit.Reason(rawValue: reason) else { throw FieldError("exit.reason", "`\(reason)` is not known") }
        return ContainerExit(
            code: try field.member("code").integer(), time: try field.member("time").integer(), reason: known,
            message: try field.member("message").optionalString() ?? "")
    }
}

/// The same for a pod.
package struct PodMemory: Equatable, Sendable {
    package var config: Runtime_V1_PodSandboxConfig
    package var isReady: Bool
    /// Of the pod in its network; none with the node's, or with a loopback interface only.
    package var addresses: [String] = []
    /// Empty: the built-in runtime.
    package var runtimeHandler: String

    package init(config: Runtime_V1_PodSandboxConfig, isReady: Bool, runtimeHandler: String = "") {
        self.config = config
        self.isReady = isReady
        self.runtimeHandler = runtimeHandler
    }

    package func json() throws -> JSON {
        [
            "version": 1, "config": try JSON(parsing: config.jsonUTF8Bytes()), "ready": .bool(isReady),
            "addresses": .array(addresses.map { .string($0) }),
            "runtimeHandler": .string(runtimeHandler),
        ]
    }

    package init(_ document: JSON) throws {
        let field = JSONField(document)
        let version: Int64 = try field.member("version").integer()
        guard version == 1 else { throw FieldError("version", "\(version) is not known") }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        config = try Runtime_V1_PodSandboxConfig(
            jsonUTF8Bytes: (try field.member("config").value ?? .object(JSONObject())).encoded(), options: options)
        isReady = try field.member("ready").optionalBool() ?? false
        addresses = try field.member("addresses").strings()
        runtimeHandler = try field.member("runtimeHandler").optionalString() ?? ""
    }
}
