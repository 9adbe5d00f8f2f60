internal import Glibc
internal import LinuxSys
package import OCI
internal import Yams

/// One specification file of the Container Device Interface (CDI 0.3 to 1.1, SPEC.md): devices of a kind, and what a container that
/// gets one needs besides.
package struct CDIDocument: Sendable {
    /// `vendor.example/class`
    package let kind: String
    /// By the device's name.
    package let devices: [String: CDIEdits]
    /// For every container that gets a device of this file.
    package let edits: CDIEdits

    private static let sizeLimit = 1 << 20

    package init(_ document: JSON) throws(FieldError) {
        let field = JSONField(document)
        let version = try field.member("cdiVersion").string()
        guard version.hasPrefix("0.") || version.hasPrefix("1.") else { throw FieldError("cdiVersion", "\(version) is not known") }
        kind = try field.member("kind").string()
        guard kind.split(separator: "/", omittingEmptySubsequences: false).count == 2, !kind.hasPrefix("/"), !kind.hasSuffix("/") else {
            throw FieldError("kind", "vendor/class expected, found \(kind)")
        }
        edits = try CDIEdits(field.member("containerEdits"))
        var devices: [String: CDIEdits] = [:]
        for device in try field.member("devices").elements() {
            let name = try device.member("name").string()
            guard devices.updateValue(try CDIEdits(device.member("containerEdits")), forKey: name) == nil else {
                throw FieldError(try device.member("name").path, "\(name) is there twice")
            }
        }
        self.devices = devices
    }

    /// From a file in JSON or YAML, by its ending.
    static func read(_ path: String) throws -> CDIDocument {
        let bytes = try FD.open(path, O_RDONLY).readAll(limit: sizeLimit)
        guard path.hasSuffix(".json") else { return try CDIDocument(try YAMLValue.parse(String(decoding: bytes, as: UTF8.self))) }
        return try CDIDocument(try JSON(parsing: bytes))
    }
}

/// A YAML document as a JSON value.
enum YAMLValue {
    static func parse(_ text: String) throws -> JSON {
        guard let node = try compose(yaml: text) else { return .null }
        return try value(of: node)
    }

    private static func value(of node: Node) throws -> JSON {
        switch node {
        case .sequence(let sequence): return .array(try sequence.map(value))
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, element) in mapping {
                guard let name = key.string else { throw FieldError("line \(key.mark?.line ?? 0)", "a key must be a string") }
                object[name] = try value(of: element)
            }
            return .object(object)
        case .scalar(let scalar):
            guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
            if scalar.string.isEmpty || node.null != nil { return .null }
            if let flag = node.bool { return .bool(flag) }
            if let number = node.int { return .integer(Int64(number)) }
            return .string(scalar.string)
        case .alias: throw FieldError("line \(node.mark?.line ?? 0)", "an alias without its anchor")
        }
    }
}
