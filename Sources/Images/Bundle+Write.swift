extension BundleRequest {
    /// The OCI bundle at `bundle` (made when it is not there): `config.json` and an empty `rootfs` for the mounts of `root`.
    package func write(to bundle: String, root: ContainerRoot) throws(ImageError) {
        throw .unsupported(subject: bundle, what: "write")
    }
}
