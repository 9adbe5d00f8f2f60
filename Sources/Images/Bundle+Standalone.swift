import Glibc
internal import LinuxSys
internal import OCI

extension BundleRequest {
    /// A bundle that needs nothing of the store afterwards (runtime-spec, bundle.md): `config.json`, and in `rootfs` a copy of the
    /// image's tree. `bundle` has to be new or empty; what was made is taken away again when something fails.
    package func writeStandalone(to bundle: String, image: ImageRecord, of store: Store) throws(ImageError) {
        if unsafe mkdir(bundle, 0o755) != 0, errno != EEXIST { throw .kernel(SysError(errno, "mkdir", on: bundle)) }
        let directory = FDBox(try kernel { () throws(SysError) in try FD.open(bundle, O_RDONLY | O_DIRECTORY) })
        guard try kernel({ () throws(SysError) in try directory.fd.entries() }).isEmpty else {
            throw .invalid(what: "directory", value: bundle, reason: "it is not empty")
        }
        do {
            let tree = try kernel { () throws(SysError) in try store.tree(image.chain) }
            // Its errors cost least: first.
            let spec = try spec(in: tree).encoded(pretty: true)
            let rootfs = try kernel { () throws(SysError) in try directory.directory("rootfs") }
            try TreeCopy.make(tree, in: rootfs, limits: store.limits)
            try kernel { () throws(SysError) in
                try directory.fd.openEntry(FileName(own: "config.json"), O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).writeAll(spec)
            }
        } catch {
            for name in ["rootfs", "config.json"] { try? directory.fd.removeTree(FileName(own: name)) }
            throw error
        }
    }
}
