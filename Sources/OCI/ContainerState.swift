/// The state of a container as hooks get it on stdin and as `state` prints it (runtime.md, "State").
package struct ContainerState: Equatable, Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case creating, created, running, stopped
        /// Not of the specification, which allows more: the container is frozen.
        case paused
    }

    package var version: String
    package var id: String
    package var status: Status
    /// Of the init process, as the host sees it. Nil while there is none.
    package var pid: Int32?
    /// Absolute.
    package var bundle: String
    package var annotations: [String: String]

    /// The version of the specification that this software writes.
    package static let version = "1.3.0"

    package init(id: String, status: Status, pid: Int32?, bundle: String, annotations: [String: String] = [:]) {
        version = Self.version
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
        self.annotations = annotations
    }

    package init(json bytes: [UInt8]) throws(SpecError) {
        self = try SpecError.decode(bytes) { document throws(FieldError) in try ContainerState(document) }
    }

    package init(_ document: JSONField) throws(FieldError) {
        version = try document.member("ociVersion").text()
        id = try document.member("id").text()
        status = try document.member("status").word()
        let number: Int32? = try document.member("pid").optionalInteger(in: 0...Int32.max)
        pid = number == 0 ? nil : number
        bundle = try document.member("bundle").absolutePath()
        annotations = try document.member("annotations").stringMap()
    }

    /// In the specification's order; a pid of 0 stands for none, as other runtimes write it.
    package var json: JSON {
        var members: JSON = [
            "ociVersion": .string(version), "id": .string(id), "status": .string(status.rawValue), "pid": .integer(Int64(pid ?? 0)),
            "bundle": .string(bundle),
        ]
        guard !annotations.isEmpty, case .object(var object) = members else { return members }
        var notes = JSONObject()
        for (name, value) in annotations.sorted(by: { $0.key < $1.key }) { notes[name] = .string(value) }
        object["annotations"] = .object(notes)
        members = .object(object)
        return members
    }

    package func encoded(pretty: Bool = false) -> [UInt8] { json.encoded(pretty: pretty) }
}
