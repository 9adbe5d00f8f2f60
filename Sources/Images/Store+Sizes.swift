internal import LinuxSys

extension Store {
    /// Bytes of the files that a container wrote, and of its whole tree; a file with several names counts once.
    package func sizes(of container: String) throws(ImageError) -> (changes: UInt64, root: UInt64) {
        let comparison = try comparison(of: container)
        let whole = TreeComparison(old: nil, new: comparison.new, limits: limits)
        return (try Self.size(comparison), try Self.size(whole))
    }

    private static func size(_ comparison: TreeComparison) throws(ImageError) -> UInt64 {
        var sum: UInt64 = 0
        var seen: Set<LayerWriter.FileKey> = []
        try comparison.run { (_, change) throws(ImageError) in
            let status: FileStatus
            switch change {
            case .added(let found), .modified(let found): status = found.status
            case .deleted: return
            }
            guard status.kind == .file else { return }
            if status.links > 1, !seen.insert(.init(device: status.device, inode: status.inode)).inserted { return }
            sum += status.size
        }
        return sum
    }
}
