internal import Foundation
internal import LinuxSys

/// A pod's directories on the node: its logs and its emptyDir volumes.
enum PodVolumes {
    static func prepare(_ pod: PodManifest, maps: [ConfigMap], _ places: PodPlaces) throws(ManifestError) {
        try make(places.logs)
        for volume in pod.volumes {
            switch volume.source {
            case .emptyDirectory: try make(places.volume(volume.name), mode: 0o777)
            case .memory(let limit): try makeMemory(places.volume(volume.name), limit)
            case .configMap(let source): try fill(places.volume(volume.name), source, maps.first { $0.name == source.name })
            case .hostPath(let path, let type): try check(path, type, volume.name)
            }
        }
        for mount in (pod.initContainers + pod.containers).flatMap(\.mounts) where !mount.subPath.isEmpty {
            let source = pod.source(mount, places)
            if !FileManager.default.fileExists(atPath: source) { try make(source) }
        }
    }

    /// With the pod goes what was its own; a hostPath stays.
    static func remove(_ pod: PodManifest, _ places: PodPlaces, _ report: Report) {
        for volume in pod.volumes {
            guard case .memory = volume.source else { continue }
            do throws(SysError) { try detachMount(places.volume(volume.name)) } catch { report.line("\(error)") }
        }
        do { try FileManager.default.removeItem(atPath: places.directory) } catch {
            report.line("remove \(places.directory): \(fileReason(error))")
        }
    }

    private static func makeMemory(_ path: String, _ limit: Int64?) throws(ManifestError) {
        try make(path)
        let size = limit.map { ",size=\($0)" } ?? ""
        do throws(SysError) {
            try mountPath(
                "tmpfs", on: path, type: "tmpfs", flags: MountFlag.noSetUID | MountFlag.noDevices, data: "mode=0777" + size)
        } catch {
            throw .unreadable("\(error)")
        }
    }

    /// A file for each key, as the volume's items say.
    private static func fill(_ path: String, _ source: ConfigMapSource, _ map: ConfigMap?) throws(ManifestError) {
        try make(path)
        guard let map else { return }
        let every = map.data.keys.sorted().map { ConfigMapSource.Item(key: $0, path: $0, mode: nil) }
        for item in source.items.isEmpty ? every : source.items {
            guard let bytes = map.data[item.key] else { continue }
            let file = "\(path)/\(item.path)"
            if let slash = item.path.lastIndex(of: "/") { try make("\(path)/\(item.path[..<slash])") }
            do {
                try Data(bytes).write(to: URL(fileURLWithPath: file))
                try FileManager.default.setAttributes([.posixPermissions: item.mode ?? source.mode], ofItemAtPath: file)
            } catch {
                throw .unreadable("write \(file): \(fileReason(error))")
            }
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
