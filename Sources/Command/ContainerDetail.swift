package import OCI

/// How a container or exec ended.
package struct ExitRecord: Equatable, Sendable {
    package let code: UInt32
    package let finished: Timestamp

    package init(code: UInt32, finished: Timestamp) {
        self.code = code
        self.finished = finished
    }
}

/// What this program remembers of a container beside the store's own fields (`ContainerRecord.extra`).
package struct ContainerDetail: Equatable, Sendable {
    package var terminal = false
    package var stdin = false
    package var autoRemove = false
    package var hostname = ""
    package var network = "none"
    package var stopSignal: Int32 = 15
    /// The supervisor's socket; empty before there is one and after it ended.
    package var socket = ""
    package var pid: UInt32 = 0
    package var started: Timestamp?
    package var exit: ExitRecord?
    /// What else was asked for, as `inspect` shows it.
    package var config: JSON = [:]

    package init() {}

    package var json: JSON {
        var object = JSONObject()
        object["terminal"] = .bool(terminal)
        object["stdin"] = .bool(stdin)
        object["autoRemove"] = .bool(autoRemove)
        object["hostname"] = .string(hostname)
        object["network"] = .string(network)
        object["stopSignal"] = .integer(Int64(stopSignal))
        object["socket"] = .string(socket)
        object["pid"] = .integer(Int64(pid))
        if let started { object["started"] = .integer(started.nanoseconds) }
        if let exit { object["exit"] = ["code": .integer(Int64(exit.code)), "finished": .integer(exit.finished.nanoseconds)] }
        object["config"] = config
        return .object(object)
    }

    package init(_ json: JSON) throws(FieldError) {
        let field = JSONField(json)
        terminal = try field.member("terminal").optionalBool() ?? false
        stdin = try field.member("stdin").optionalBool() ?? false
        autoRemove = try field.member("autoRemove").optionalBool() ?? false
        hostname = try field.member("hostname").optionalString() ?? ""
        network = try field.member("network").optionalString() ?? "none"
        stopSignal = try field.member("stopSignal").optionalInteger() ?? 15
        socket = try field.member("socket").optionalString() ?? ""
        pid = try field.member("pid").optionalInteger() ?? 0
        started = try field.member("started").optionalInteger(Int64.self).map { Timestamp(nanoseconds: $0) }
        let exit = try field.member("exit")
        if exit.isPresent {
            self.exit = ExitRecord(
                code: try exit.member("code").integer(), finished: Timestamp(nanoseconds: try exit.member("finished").integer()))
        }
        config = json["config"] ?? [:]
    }
}

/// What a container is doing, as the supervisor says or, without one, the record.
package enum ContainerState: Equatable, Sendable {
    /// Another command is making it.
    case creating
    case created
    /// Another command is removing it.
    case removing
    case running(pid: UInt32)
    case paused(pid: UInt32)
    case exited(ExitRecord)
    /// The supervisor is there but does not answer in time.
    case unreachable

    package var name: String {
        switch self {
        case .creating: "creating"
        case .removing: "removing"
        case .created: "created"
        case .running: "running"
        case .paused: "paused"
        case .exited: "exited"
        case .unreachable: "unreachable"
        }
    }

    package var isAlive: Bool {
        switch self {
        case .running, .paused, .unreachable, .creating, .removing: true
        case .created, .exited: false
        }
    }

    package var pid: UInt32 {
        switch self {
        case .running(let pid), .paused(let pid): pid
        case .creating, .created, .removing, .exited, .unreachable: 0
        }
    }

    /// `Up 3 minutes`, `Exited (137) 2 hours ago`: the STATUS column.
    package func status(started: Timestamp?, now: Timestamp) -> String {
        let age = started?.age(at: now) ?? "some time"
        return switch self {
        case .creating: "Creating"
        case .removing: "Removing"
        case .created: "Created"
        case .running: "Up \(age)"
        case .paused: "Up \(age) (paused)"
        case .exited(let exit): "Exited (\(exit.code)) \(exit.finished.age(at: now)) ago"
        case .unreachable: "Up \(age) (supervisor does not answer)"
        }
    }
}
