package import OCI

/// What a supervisor adds to a container beside its config.json: descriptors and sockets that it hands over announce themselves
/// by variables of the environment, and may need a mount.
package struct BundleAdditions: Equatable, Sendable {
    /// `NAME=value`; they come after the document's own.
    package var environment: [String] = []
    /// After the document's own.
    package var mounts: [MountSpec] = []

    package init() {}

    func apply(to spec: inout RuntimeSpec) {
        spec.process?.env += environment
        spec.mounts += mounts
    }
}
