import Glibc
internal import LinuxSys
internal import OCI

/// The volumes of an image (config.md, "Volumes"): each gets a directory of the container's own, outside of its layers, that begins
/// with what the image has at that path. It lives as long as the container, and is no part of what `commit` sees.
extension BundleRequest {
    struct ImageVolume: Equatable {
        let destination: String
        let source: String
    }

    /// Makes what is missing of them in `home`, which is at `path`. Where the caller binds something the image's volume gives way.
    func imageVolumes(in tree: MergedTree, home: FDBox, path: String, limits: UnpackLimits) throws(ImageError) -> [ImageVolume] {
        var result: [ImageVolume] = []
        for (number, volume) in image.run.volumes.enumerated() {
            let destination = try Self.checked(volume, "volume")
            let isTaken = binds.contains { $0.destination == destination } || standardPaths.contains { Self.lies(destination, in: $0) }
            if isTaken || result.contains(where: { $0.destination == destination }) { continue }
            let volumes = try kernel { () throws(SysError) in try home.directory("volumes") }
            try Self.fill(FileName(own: "\(number)"), of: volumes, from: tree, destination, limits)
            result.append(ImageVolume(destination: destination, source: "\(path)/volumes/\(number)"))
        }
        return result
    }

    private static func lies(_ path: String, in directory: String) -> Bool { path == directory || path.hasPrefix(directory + "/") }

    /// Whole or not at all: what is there already has been written to by the container.
    private static func fill(
        _ name: FileName, of volumes: FDBox, from tree: MergedTree, _ destination: String, _ limits: UnpackLimits
    ) throws(ImageError) {
        if try kernel({ () throws(SysError) in try volumes.fd.status(of: name) }) != nil { return }
        let unfinished = FileName(own: "new")
        let directory = try kernel { () throws(SysError) in
            try volumes.fd.removeTree(unfinished)
            let directory = try volumes.directory("new")
            try directory.fd.setMode(0o755)
            return directory
        }
        let (path, found) = try tree.resolve(try treePath(destination), followingLast: true)
        if let found {
            guard found.status.kind == .directory else {
                throw .unsupported(subject: "volume \(destination)", what: "something else than a directory at its place")
            }
            try TreeCopy.make(of: path, in: tree, to: directory, limits: limits)
        }
        try kernel { () throws(SysError) in try volumes.fd.rename(unfinished, in: volumes.fd, to: name, replacing: false) }
    }
}
