internal import LinuxSys

/// The kernel's overlay: `diff` and `work` over the init layer over the image's layers.
struct OverlaySnapshotter: Snapshotter {
    /// Lower directories that the kernel takes (fs/overlayfs, OVL_MAX_STACK).
    private static let most = 500

    func prepare(_ home: FDBox, over base: SnapshotBase, limits: UnpackLimits) throws(ImageError) {
        let diff = try kernel { () throws(SysError) in
            let diff = try home.directory("diff")
            try base.plan.describeRoot(diff.fd)
            _ = try home.directory("work")
            return diff
        }
        // Where there is no place for it below, the init layer stands in the writable one. It is not told as a change: it is compared.
        if base.depth >= Self.most { try TreeCopy.make(MergedTree(layers: [base.initLayer]), in: diff, limits: limits) }
    }

    func root(home: String, lower: [String]) -> ContainerRoot {
        let stack = lower.count < Self.most ? [home + "/init"] + lower : lower
        let options = ["lowerdir=" + stack.joined(separator: ":"), "upperdir=\(home)/diff", "workdir=\(home)/work"]
        return ContainerRoot(
            snapshotter: .overlay, mounts: [RootMount(type: "overlay", source: "overlay", options: options)], lowerDirs: lower,
            upperDir: "\(home)/diff", workDir: "\(home)/work", initDir: "\(home)/init", mergedDir: nil)
    }

    func tree(_ home: FDBox, over lower: MergedTree) throws(SysError) -> MergedTree {
        MergedTree(layers: [FDBox(try home.fd.openDirectory(FileName(own: "diff")))] + lower.layers)
    }
}
