internal import Foundation
internal import OCI

/// A v1 ConfigMap, or a directory `configmaps/NAME` beside the manifests with a file for each key.
package struct ConfigMap: Equatable, Sendable {
    package var name: String
    package var namespace = "default"
    package var data: [String: [UInt8]] = [:]

    package init(name: String) { self.name = name }
}

/// `spec.volumes[].configMap`.
package struct ConfigMapSource: Equatable, Sendable {
    package struct Item: Equatable, Sendable {
        package var key: String
        package var path: String
        package var mode: Int?
    }
    package var name: String
    /// Empty: every key under its own name.
    package var items: [Item] = []
    package var mode = 0o644
    package var optional = false
}

/// What of a pod's own record a variable may show (the downward API).
package enum FieldReference: Equatable, Sendable {
    case name, namespace, uid, nodeName, podIP
    case label(String)
    case annotation(String)

    init?(_ path: String) {
        switch path {
        case "metadata.name": self = .name
        case "metadata.namespace": self = .namespace
        case "metadata.uid": self = .uid
        case "spec.nodeName": self = .nodeName
        case "status.podIP": self = .podIP
        default:
            guard path.hasSuffix("']"), let open = path.range(of: "['") else { return nil }
            let key = String(path[open.upperBound...].dropLast(2))
            switch path[..<open.lowerBound] {
            case "metadata.labels": self = .label(key)
            case "metadata.annotations": self = .annotation(key)
            default: return nil
            }
        }
    }
}

extension ConfigMap {
    init(_ object: ManifestObject) throws(ManifestError) {
        guard let metadata = try object.object("metadata") else { throw .invalid(field: "metadata", reason: "is missing") }
        self.init(name: try metadata.required("name"))
        if let namespace = try metadata.string("namespace") { self.namespace = namespace }
        guard PodManifest.isName(name), PodManifest.isName(namespace) else {
            throw .invalid(field: "metadata.name", reason: "\(name) is no DNS label")
        }
        metadata.ignore("labels", "annotations", "uid")
        try metadata.finish()
        for (key, text) in try object.map("data") { try add(key, Array(text.utf8)) }
        for (key, text) in try object.map("binaryData") {
            guard let bytes = Data(base64Encoded: text) else { throw .invalid(field: "binaryData.\(key)", reason: "is not base64") }
            try add(key, Array(bytes))
        }
        object.ignore("immutable")
        try object.finish()
    }

    /// A key becomes a file's name.
    package mutating func add(_ key: String, _ bytes: [UInt8]) throws(ManifestError) {
        let isName = !key.isEmpty && key.utf8.count <= 253 && key != "." && key != ".."
        let allowed = key.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0))
        }
        guard isName, allowed else { throw .invalid(field: "data", reason: "\(key.debugDescription) is no key of a config map") }
        guard data.updateValue(bytes, forKey: key) == nil else { throw .invalid(field: "data.\(key)", reason: "is written twice") }
    }
}

extension ConfigMapSource {
    init(_ object: ManifestObject) throws(ManifestError) {
        name = try object.required("name")
        optional = try object.bool("optional") ?? false
        if let mode = try object.number("defaultMode", atLeast: 0) { self.mode = try Self.checked(mode, object, "defaultMode") }
        for item in try object.elements("items") {
            let path = try item.required("path")
            guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
                throw .invalid(field: item.path(of: "path"), reason: "must be relative, without ..")
            }
            var mode: Int?
            if let own = try item.number("mode", atLeast: 0) { mode = try Self.checked(own, item, "mode") }
            items.append(Item(key: try item.required("key"), path: path, mode: mode))
            try item.finish()
        }
        try object.finish()
    }

    private static func checked(_ mode: Int64, _ object: ManifestObject, _ name: String) throws(ManifestError) -> Int {
        guard mode <= 0o777 else { throw .invalid(field: object.path(of: name), reason: "\(mode) is no file mode") }
        return Int(mode)
    }
}

extension EnvironmentVariable {
    init(_ object: ManifestObject) throws(ManifestError) {
        self.init(name: try object.required("name"), value: try object.string("value") ?? "")
        if let from = try object.object("valueFrom") {
            guard value.isEmpty else { throw .invalid(field: object.path(of: "valueFrom"), reason: "does not go with value") }
            source = try Source(from)
        }
        try object.finish()
    }
}

extension EnvironmentVariable.Source {
    init(_ object: ManifestObject) throws(ManifestError) {
        let field = try object.object("fieldRef")
        let key = try object.object("configMapKeyRef")
        try object.finish()
        switch (field, key) {
        case (let field?, nil):
            let path = try field.required("fieldPath")
            guard let reference = FieldReference(path) else { throw .unsupported(field: field.path(of: "fieldPath") + ": \(path)") }
            if let version = try field.string("apiVersion"), version != "v1" {
                throw .invalid(field: field.path(of: "apiVersion"), reason: "must be v1")
            }
            try field.finish()
            self = .field(reference)
        case (nil, let key?):
            self = .configMap(name: try key.required("name"), key: try key.required("key"), optional: try key.bool("optional") ?? false)
            try key.finish()
        default: throw .invalid(field: object.field.path, reason: "must have one of fieldRef and configMapKeyRef")
        }
    }
}

extension EnvironmentMap {
    init(_ object: ManifestObject) throws(ManifestError) {
        guard let map = try object.object("configMapRef") else { throw .unsupported(field: "\(object.field.path) (only configMapRef)") }
        self.init(
            name: try map.required("name"), prefix: try object.string("prefix") ?? "", optional: try map.bool("optional") ?? false)
        try map.finish()
        try object.finish()
    }
}
