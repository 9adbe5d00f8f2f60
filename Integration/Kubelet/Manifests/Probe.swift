internal import OCI

/// A question that the kubelet puts to a container again and again (Kubernetes API, v1 Probe), with the API's defaults.
package struct Probe: Equatable, Sendable {
    package var check: Check
    package var initialDelaySeconds: Int64 = 0
    package var periodSeconds: Int64 = 10
    package var timeoutSeconds: Int64 = 1
    package var successThreshold = 1
    package var failureThreshold = 3
    /// Instead of the pod's, when this probe ends the container.
    package var terminationGraceSeconds: Int64?

    package init(_ check: Check) { self.check = check }
}

/// What a probe or a hook does.
package enum Check: Equatable, Sendable {
    /// A command in the container; well when it ends with 0.
    case command([String])
    /// A connection to the pod's address, or `host`.
    case tcp(host: String?, port: Int)
    /// A GET that is answered with a status from 200 to 399.
    case http(HTTPCheck)
    /// Hooks only.
    case sleep(seconds: Int64)
}

package struct HTTPCheck: Equatable, Sendable {
    package struct Header: Equatable, Sendable {
        package var name: String
        package var value: String
    }
    package var host: String?
    package var port: Int
    package var path: String
    package var headers: [Header] = []
}

package struct Lifecycle: Equatable, Sendable {
    package var postStart: Check?
    package var preStop: Check?
    package init() {}
}

extension Probe {
    init(_ object: ManifestObject, _ kind: ProbeKind, ports: [String: Int]) throws(ManifestError) {
        guard let check = try Check(object, ports: ports) else {
            throw .invalid(field: object.field.path, reason: "must have one of exec, tcpSocket and httpGet")
        }
        self.init(check)
        initialDelaySeconds = try object.number("initialDelaySeconds", atLeast: 0) ?? 0
        periodSeconds = try object.number("periodSeconds", atLeast: 1) ?? 10
        timeoutSeconds = try object.number("timeoutSeconds", atLeast: 1) ?? 1
        successThreshold = Int(try object.number("successThreshold", atLeast: 1) ?? 1)
        failureThreshold = Int(try object.number("failureThreshold", atLeast: 1) ?? 3)
        guard kind == .readiness || successThreshold == 1 else {
            throw .invalid(field: object.path(of: "successThreshold"), reason: "must be 1 for a \(kind.rawValue) probe")
        }
        terminationGraceSeconds = try object.number("terminationGracePeriodSeconds", atLeast: 0)
        guard kind != .readiness || terminationGraceSeconds == nil else {
            throw .invalid(field: object.path(of: "terminationGracePeriodSeconds"), reason: "a readiness probe ends nothing")
        }
        try object.finish()
    }
}

extension Lifecycle {
    init(_ object: ManifestObject, ports: [String: Int]) throws(ManifestError) {
        self.init()
        postStart = try Self.hook(object, "postStart", ports)
        preStop = try Self.hook(object, "preStop", ports)
        try object.finish()
    }

    private static func hook(_ object: ManifestObject, _ name: String, _ ports: [String: Int]) throws(ManifestError) -> Check? {
        guard let hook = try object.object(name) else { return nil }
        let sleep = try hook.object("sleep")
        let seconds = try sleep?.number("seconds", atLeast: 0)
        try sleep?.finish()
        let check = try Check(hook, ports: ports)
        try hook.finish()
        switch (check, seconds) {
        case (let check?, nil): return check
        case (nil, let seconds?): return .sleep(seconds: seconds)
        default: throw .invalid(field: hook.field.path, reason: "must have one of exec, httpGet, tcpSocket and sleep")
        }
    }
}

extension Check {
    /// Nil when none is written; more than one is an error.
    init?(_ object: ManifestObject, ports: [String: Int]) throws(ManifestError) {
        var found: [Check] = []
        if let exec = try object.object("exec") {
            let command = try exec.strings("command")
            guard !command.isEmpty else { throw .invalid(field: exec.path(of: "command"), reason: "is empty") }
            found.append(.command(command))
            try exec.finish()
        }
        if let socket = try object.object("tcpSocket") {
            found.append(.tcp(host: try socket.string("host"), port: try socket.port("port", ports)))
            try socket.finish()
        }
        if let get = try object.object("httpGet") { found.append(.http(try HTTPCheck(get, ports: ports))) }
        guard found.count < 2 else { throw .invalid(field: object.field.path, reason: "must have one of exec, tcpSocket and httpGet") }
        guard let one = found.first else { return nil }
        self = one
    }
}

extension HTTPCheck {
    init(_ object: ManifestObject, ports: [String: Int]) throws(ManifestError) {
        host = try object.string("host")
        port = try object.port("port", ports)
        path = try object.string("path") ?? "/"
        guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
            throw .invalid(field: object.path(of: "path"), reason: "must be an absolute path without blanks")
        }
        if let scheme = try object.string("scheme"), scheme != "HTTP" {
            throw .unsupported(field: object.path(of: "scheme") + ": \(scheme)")
        }
        for header in try object.elements("httpHeaders") {
            let pair = Header(name: try header.required("name"), value: try header.string("value") ?? "")
            guard !(pair.name + pair.value).utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }), !pair.name.contains(":") else {
                throw .invalid(field: header.field.path, reason: "has a character that no header has")
            }
            headers.append(pair)
            try header.finish()
        }
        try object.finish()
    }
}

extension ManifestObject {
    func number(_ name: String, atLeast least: Int64) throws(ManifestError) -> Int64? {
        guard let number = try integer(name) else { return nil }
        guard (least...Int64(Int32.max)).contains(number) else {
            throw .invalid(field: path(of: name), reason: "must be at least \(least)")
        }
        return number
    }

    /// A port by number, or by its name among the container's ports.
    func port(_ name: String, _ ports: [String: Int]) throws(ManifestError) -> Int {
        let field = try take(name)
        switch field.value {
        case .some(.integer(let number)) where (1...65_535).contains(number): return Int(number)
        case .some(.string(let text)):
            if let number = ports[text] ?? Int(text), (1...65_535).contains(number) { return number }
            throw .invalid(field: field.path, reason: "the container has no port called \(text)")
        default: throw .invalid(field: field.path, reason: "is no port")
        }
    }
}
