internal import Foundation

/// A pod's directories on the node: its logs and its emptyDir volumes.
enum PodVolumes {
    static func prepare(_ pod: PodManifest, _ places: PodPlaces) throws(ManifestError) {
        try make(places.logs)
        for volume in pod.volumes {
            switch volume.source {
            case .emptyDirectory: try make(places.emptyDirectory(volume.name), mode: 0o777)
            case .hostPath(let path, let type): try check(path, type, volume.name)
            }
        }
        for mount in (pod.initContainers + pod.containers).flatMap(\.mounts) where !mount.subPath.isEmpty {
            let source = pod.source(mount, places)
            if !FileManager.default.fileExists(atPath: source) { try make(source) }
        }
    }

    /// With the pod goes what was its own; a hostPath stays.
    static func remove(_ places: PodPlaces, _ report: Report) {
        do { try FileManager.default.removeItem(atPath: places.directory) } catch {
            report.line("remove \(places.directory): \(fileReason(error))")
        }
    }

    private static func make(_ path: String, mode: Int? = nil) throws(ManifestError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            if let mode { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path) }
        } catch {
            throw .unreadable("make \(path): \(fileReason(error))")
        }
    }

    /// `hostPath.type` says what must be there.
    private static func check(_ path: String, _ type: Volume.HostPathType, _ volume: String) throws(ManifestError) {
        let kind = (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
        let isRight: Bool
        switch type {
        case .unchecked: isRight = kind != nil
        case .directory: isRight = kind == .typeDirectory
        case .directoryOrCreate:
            if kind == nil { return try make(path) }
            isRight = kind == .typeDirectory
        case .file: isRight = kind == .typeRegular
        case .socket: isRight = kind == .typeSocket
        }
        guard isRight else { throw .invalid(field: "spec.volumes[\(volume)].hostPath", reason: "\(path) is not a \(type.rawValue)") }
    }
}
