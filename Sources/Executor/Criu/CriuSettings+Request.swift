import Glibc
internal import LinuxSys

/// Directories that are open while criu works in them.
struct CriuDirectories {
    let images: FDBox
    let work: FDBox
    let workPath: String

    init(_ settings: CriuSettings, bundle: String, makes: Bool) throws(ExecutorFailure) {
        workPath = settings.work.isEmpty ? "\(bundle)/criu-work" : settings.work
        let path = workPath
        images = try sys { () throws(SysError) in
            if makes { try makeDirectoryIfMissing(settings.images, mode: 0o700) }
            return FDBox(try FD.open(settings.images, O_RDONLY | O_DIRECTORY))
        }
        work = try sys { () throws(SysError) in
            try makeDirectoryIfMissing(path, mode: 0o700)
            return FDBox(try FD.open(path, O_RDONLY | O_DIRECTORY))
        }
    }

    func request(_ kind: CriuRequest.Kind, _ settings: CriuSettings) throws(ExecutorFailure) -> CriuRequest {
        var request = CriuRequest(kind, images: images.raw)
        request.work = work.raw
        request.flags = CriuFlags { settings.flags.contains($0) }
        if !settings.cgroupMode.isEmpty {
            guard let mode = CriuRequest.cgroupModes[settings.cgroupMode] else {
                throw ExecutorFailure(
                    operation: "checkpoint", subject: "cgroups mode \(settings.cgroupMode)",
                    reason: "soft, full, strict or ignore expected")
            }
            request.cgroupMode = mode
        }
        for name in settings.emptyNamespaces where name != "network" {
            throw ExecutorFailure(operation: "checkpoint", subject: "empty namespace \(name)", reason: "only network can be one")
        }
        if !settings.parent.isEmpty {
            guard !settings.parent.hasPrefix("/") else {
                throw ExecutorFailure(operation: "checkpoint", subject: settings.parent, reason: "a path relative to the images expected")
            }
            request.parent = settings.parent
        }
        // Who made the interfaces of a container makes them again.
        request.emptyNamespaces = 0x4000_0000
        return request
    }

    func logPath(_ request: CriuRequest) -> String { "\(workPath)/\(request.logName)" }
}
