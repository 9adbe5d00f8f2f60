internal import LinuxSys

/// The kernel's overlay: `diff` and `work` over the init layer over the image's layers.
struct OverlaySnapshotter: Snapshotter {
    /// Lower directories that the kernel takes (fs/overlayfs, OVL_MAX_STACK).
    private static let most = 500

    func prepare(_ home: FDBox, over lower: MergedTree, limits: UnpackLimits) throws(ImageError) {
        try kernel { () throws(SysError) in
            _ = try home.layer("diff", over: lower)
            _ = try home.directory("work")
        }
        // Where there is no place for it below, the init layer stands in the writable one. It is not told as a change: it is compared.
        if lower.layers.count > Self.most, let initLayer = lower.layers.first {
            let diff = try kernel { () throws(SysError) in try home.directory("diff") }
            try TreeCopy.make(MergedTree(layers: [initLayer]), in: diff, limits: limits)
        }
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
