internal import LinuxSys

/// How the layers of an image become the root of a container. The layers themselves are kept once, in overlay's form.
package enum SnapshotterKind: String, CaseIterable, Sendable {
    /// The kernel stacks them.
    case overlay
    /// They are copied into one directory (image-spec, layer.md): costs time and room, needs nothing of the host.
    case copy
    /// A file system in user space stacks them, where the kernel's overlay is not to be had.
    case fuseOverlayfs = "fuse-overlayfs"

    var driver: any Snapshotter {
        switch self {
        case .overlay: OverlaySnapshotter()
        case .copy: CopySnapshotter()
        case .fuseOverlayfs: FuseOverlaySnapshotter()
        }
    }
}

/// What a container's root is made over.
struct SnapshotBase {
    let plan: InitPlan
    let initLayer: FDBox
    /// How many layers the image has.
    let depth: Int
    /// Opens them: only for those who have to look into them.
    let image: () throws(SysError) -> MergedTree

    /// Init layer and image.
    func tree() throws(SysError) -> MergedTree { MergedTree(layers: [initLayer] + (try image()).layers) }
}

/// One way of making a container's root.
///
/// A new one has a file of its own, a case in `SnapshotterKind`, and passes the suite "changesets, applied by every snapshotter".
protocol Snapshotter: Sendable {
    /// Makes in `home` what the container writes to.
    func prepare(_ home: FDBox, over base: SnapshotBase, limits: UnpackLimits) throws(ImageError)
    /// Where that is and what has to be mounted. `lower`: the image's layers as short paths, topmost first.
    func root(home: String, lower: [String]) -> ContainerRoot
    /// What has to run before the mounts are made.
    func activate(_ root: ContainerRoot) throws(ImageError)
    func deactivate(_ root: ContainerRoot) throws(ImageError)
    /// The container's tree as it is now, without mounting anything. `lower`: init layer and image.
    func tree(_ home: FDBox, over lower: MergedTree) throws(SysError) -> MergedTree
}

extension Snapshotter {
    func activate(_ root: ContainerRoot) throws(ImageError) {}
    func deactivate(_ root: ContainerRoot) throws(ImageError) {}
}
