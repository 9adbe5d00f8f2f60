import Glibc
internal import LinuxSys

/// fuse-overlayfs(1): the same directories as the kernel's overlay, stacked by a process on `merged`. That mount is on the host;
/// the container binds it. The process ends when it is unmounted.
struct FuseOverlaySnapshotter: Snapshotter {
    private static let patience: UInt64 = 30_000_000_000
    /// Searched in this order; nothing of the caller's environment is trusted with a program that runs as root.
    private static let places = ["/usr/local/bin", "/usr/bin", "/bin"]

    func prepare(_ home: FDBox, over base: SnapshotBase, limits: UnpackLimits) throws(ImageError) {
        _ = try Self.program()
        try OverlaySnapshotter().prepare(home, over: base, limits: limits)
        _ = try kernel { () throws(SysError) in try home.directory("merged") }
    }

    func root(home: String, lower: [String]) -> ContainerRoot {
        var root = OverlaySnapshotter().root(home: home, lower: lower)
        root.snapshotter = .fuseOverlayfs
        root.mergedDir = "\(home)/merged"
        root.mounts = [RootMount(type: "bind", source: "\(home)/merged", options: ["bind", "rw"])]
        return root
    }

    func activate(_ root: ContainerRoot) throws(ImageError) {
        guard let merged = root.mergedDir, let work = root.workDir else { return }
        if Self.isMounted(merged) { return }
        // A server that died leaves a mount which answers nothing.
        try deactivate(root)
        let lower = ([root.initDir] + root.lowerDirs).joined(separator: ":")
        let options = "lowerdir=\(lower),upperdir=\(root.upperDir),workdir=\(work)"
        let output: ProgramOutput
        do {
            output = try runProgram(
                try Self.program(), ["-o", options, merged], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], directory: "/",
                deadline: Self.patience)
        } catch let error as ImageError {
            throw error
        } catch let error as SysError {
            throw .kernel(error)
        } catch {
            throw .kernel(SysError(EIO, "run", on: "fuse-overlayfs"))
        }
        guard output.status == .code(0), Self.isMounted(merged) else {
            let said = String(decoding: output.stderr, as: UTF8.self).split(separator: "\n").last ?? "no reason given"
            throw .unsupported(subject: merged, what: "fuse-overlayfs here (\(said))")
        }
    }

    func deactivate(_ root: ContainerRoot) throws(ImageError) {
        guard let merged = root.mergedDir else { return }
        do { try detachMount(merged) } catch {
            guard error.errno == EINVAL || error.errno == ENOENT else { throw .kernel(error) }
        }
    }

    func tree(_ home: FDBox, over lower: MergedTree) throws(SysError) -> MergedTree {
        var tree = try OverlaySnapshotter().tree(home, over: lower)
        tree.notes = .fuseOverlayfs
        return tree
    }

    private static func program() throws(ImageError) -> String {
        guard let directory = places.first(where: { unsafe access("\($0)/fuse-overlayfs", X_OK) == 0 }) else {
            throw .unsupported(subject: "container root", what: "snapshotter fuse-overlayfs without the program fuse-overlayfs")
        }
        guard unsafe access("/dev/fuse", R_OK | W_OK) == 0 else {
            throw .unsupported(subject: "container root", what: "snapshotter fuse-overlayfs without /dev/fuse")
        }
        return "\(directory)/fuse-overlayfs"
    }

    /// Something answers there that is another file system than the directory above.
    private static func isMounted(_ path: String) -> Bool {
        guard let inside = try? FD.open(path, openPathOnly | O_DIRECTORY).status(),
            let above = try? FD.open("\(path)/..", openPathOnly | O_DIRECTORY).status()
        else { return false }
        return inside.device != above.device
    }
}
