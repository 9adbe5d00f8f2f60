internal import Foundation
internal import OCI
internal import YAML

/// Everything that a directory of manifests asks for.
package struct ManifestSet: Equatable, Sendable {
    package var pods: [PodManifest] = []
    package var configMaps: [ConfigMap] = []

    package init() {}

    /// The pods and config maps of one YAML file.
    package mutating func add(yaml text: String) throws(ManifestError) {
        let documents: [JSON]
        do throws(YAMLError) { documents = try YAMLDocument.documents(text) } catch { throw .syntax(error.description) }
        for document in documents {
            let object = try ManifestObject(JSONField(document))
            guard try object.required("apiVersion") == "v1" else { throw .invalid(field: "apiVersion", reason: "must be v1") }
            switch try object.required("kind") {
            case "Pod": pods.append(try PodManifest(object))
            case "ConfigMap": configMaps.append(try ConfigMap(object))
            default: throw .invalid(field: "kind", reason: "must be Pod or ConfigMap")
            }
        }
    }

    /// Of the directory's `.yaml` and `.yml` files, in the order of their names, and of the directories below `configmaps`.
    package init(directory: String) throws(ManifestError) {
        for name in try Self.names(in: directory) where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            try add(yaml: String(decoding: try Self.contents("\(directory)/\(name)"), as: UTF8.self))
        }
        let maps = directory + "/configmaps"
        if FileManager.default.fileExists(atPath: maps) {
            for name in try Self.names(in: maps) {
                guard PodManifest.isName(name) else { throw .invalid(field: maps, reason: "\(name) is no DNS label") }
                var map = ConfigMap(name: name)
                for key in try Self.names(in: "\(maps)/\(name)") { try map.add(key, try Self.contents("\(maps)/\(name)/\(key)")) }
                configMaps.append(map)
            }
        }
        try settle()
    }

    /// Checks what no single file shows, and gives every pod a uid: what it asks for has one (as static pods of a kubelet have), so that a
    /// manifest that changes is another pod.
    package mutating func settle() throws(ManifestError) {
        var seen: Set<String> = []
        for pod in pods where !seen.insert(pod.key).inserted { throw .duplicatePod(pod.name) }
        for index in pods.indices {
            try check(pods[index])
            if pods[index].uid.isEmpty { pods[index].uid = Fingerprint.uid(of: pods[index], maps: maps(of: pods[index])) }
        }
    }

    func configMap(_ name: String, for pod: PodManifest) -> ConfigMap? {
        configMaps.first { $0.name == name && $0.namespace == pod.namespace }
    }

    /// Those that the pod refers to.
    package func maps(of pod: PodManifest) -> [ConfigMap] {
        configMaps.filter { map in map.namespace == pod.namespace && pod.mapReferences.contains { $0.name == map.name } }
    }

    private func check(_ pod: PodManifest) throws(ManifestError) {
        for reference in pod.mapReferences where !reference.optional {
            guard let map = configMap(reference.name, for: pod) else { throw .missing(pod: pod.name, "config map \(reference.name)") }
            for key in reference.keys where map.data[key] == nil {
                throw .missing(pod: pod.name, "key \(key) in config map \(reference.name)")
            }
        }
    }

    private static func names(in directory: String) throws(ManifestError) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: directory).sorted() } catch {
            throw .unreadable("read \(directory): \(fileReason(error))")
        }
    }

    private static func contents(_ path: String) throws(ManifestError) -> [UInt8] {
        do { return Array(try Data(contentsOf: URL(fileURLWithPath: path))) } catch {
            throw .unreadable("read \(path): \(fileReason(error))")
        }
    }
}

extension PodManifest {
    struct MapReference: Equatable {
        var name: String
        var keys: [String] = []
        var optional: Bool
    }

    /// What it wants of config maps.
    var mapReferences: [MapReference] {
        var result: [MapReference] = []
        for volume in volumes {
            guard case .configMap(let source) = volume.source else { continue }
            result.append(MapReference(name: source.name, keys: source.items.map(\.key), optional: source.optional))
        }
        for container in initContainers + containers {
            result += container.environmentMaps.map { MapReference(name: $0.name, optional: $0.optional) }
            for variable in container.environment {
                guard case .configMap(let name, let key, let optional) = variable.source else { continue }
                result.append(MapReference(name: name, keys: [key], optional: optional))
            }
        }
        return result
    }

    /// What names a pod in its directory: `namespace/name`.
    package var key: String { "\(namespace)/\(name)" }
}

/// A uid from what a manifest asks for.
enum Fingerprint {
    static func uid(of pod: PodManifest, maps: [ConfigMap]) -> String {
        var text = "\(stable(pod.labels)) \(stable(pod.annotations))"
        var bare = pod
        // The order of a dictionary is another in every process.
        (bare.labels, bare.annotations, bare.expectations) = ([:], [:], Expectations())
        bare.security.sysctls = [:]
        text += stable(pod.security.sysctls)
        for index in bare.containers.indices { text += take(&bare.containers[index]) }
        for index in bare.initContainers.indices { text += take(&bare.initContainers[index]) }
        text += String(describing: bare)
        for map in maps { text += map.name + map.data.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined() }
        let (high, low) = (hash(text, 0xcbf2_9ce4_8422_2325), hash(text, 0x9ae1_6a3b_2f90_404f))
        return uuid(high, low)
    }

    private static func take(_ container: inout ContainerManifest) -> String {
        defer { (container.ports, container.probes) = ([:], [:]) }
        return container.probes.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key)\($0.value)" }.joined()
    }

    private static func stable(_ map: [String: String]) -> String {
        map.sorted { $0.key < $1.key }.map { "\($0.key.debugDescription)=\($0.value.debugDescription)" }.joined(separator: ",")
    }

    /// FNV-1a (64 bits).
    private static func hash(_ text: String, _ seed: UInt64) -> UInt64 {
        text.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private static func uuid(_ high: UInt64, _ low: UInt64) -> String {
        func hex(_ number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let text = Array(hex(high) + hex(low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(text[$0]) }.joined(separator: "-")
    }
}
