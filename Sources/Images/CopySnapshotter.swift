internal import LinuxSys

/// A plain directory with a copy of everything: `rootfs`.
struct CopySnapshotter: Snapshotter {
    func prepare(_ home: FDBox, over base: SnapshotBase, limits: UnpackLimits) throws(ImageError) {
        let rootfs = try kernel { () throws(SysError) in try home.directory("rootfs") }
        let tree = try kernel { () throws(SysError) in try base.tree() }
        try TreeCopy.make(tree, in: rootfs, limits: limits)
    }

    func root(home: String, lower: [String]) -> ContainerRoot {
        ContainerRoot(
            snapshotter: .copy, mounts: [RootMount(type: "bind", source: "\(home)/rootfs", options: ["bind", "rw"])], lowerDirs: lower,
            upperDir: "\(home)/rootfs", workDir: nil, initDir: "\(home)/init", mergedDir: "\(home)/rootfs")
    }

    func tree(_ home: FDBox, over lower: MergedTree) throws(SysError) -> MergedTree {
        MergedTree(layers: [FDBox(try home.fd.openDirectory(FileName(own: "rootfs")))])
    }
}
