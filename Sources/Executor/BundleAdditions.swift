package import OCI

/// What a supervisor adds to a container beside its config.json: descriptors and sockets that it hands over announce themselves
/// by variables of the environment, and may need a mount.
package struct BundleAdditions: Equatable, Sendable {
    /// `NAME=value`; they come after the document's own.
    package var environment: [String] = []
    /// After the document's own.
    package var mounts: [MountSpec] = []

    package init() {}

    /// What init is made from.
    func apply(to spec: RuntimeSpec) -> RuntimeSpec {
        // What is meant for executed processes is not init's.
        guard !environment.isEmpty || !mounts.isEmpty || spec.process?.execCPUAffinity != nil else { return spec }
        var process = spec.process
        process?.env += environment
        process?.execCPUAffinity = nil
        return RuntimeSpec(spec, process: process, mounts: spec.mounts + mounts)
    }
}
