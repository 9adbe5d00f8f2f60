internal import CTaskProto
package import TTRPC

/// containerd.runc.v1.Options: what `ctr run --runc-…` and containerd's configuration hand through in Create.
package struct RuncOptions: Equatable, Sendable {
    package static let typeName = "containerd.runc.v1.Options"

    package var noPivotRoot = false
    package var noNewKeyring = false
    package var shimCgroup = ""
    package var ioUID: UInt32 = 0
    package var ioGID: UInt32 = 0
    package var binaryName = ""
    package var root = ""
    package var systemdCgroup = false
    package var criuImagePath = ""
    package var criuWorkPath = ""

    package init() {}

    package init(_ any: AnyValue) throws(Status) {
        guard any.typeName == Self.typeName else {
            throw Status(.invalidArgument, "runtime options of type \(any.typeURL): only \(Self.typeName) is understood")
        }
        self = try unsafe decode(any.value, Self.typeName, containerd__runc__v1__options__init) { message in
            var options = RuncOptions()
            unsafe options.noPivotRoot = message.no_pivot_root != 0
            unsafe options.noNewKeyring = message.no_new_keyring != 0
            unsafe options.shimCgroup = text(message.shim_cgroup)
            unsafe options.ioUID = message.io_uid
            unsafe options.ioGID = message.io_gid
            unsafe options.binaryName = text(message.binary_name)
            unsafe options.root = text(message.root)
            unsafe options.systemdCgroup = message.systemd_cgroup != 0
            unsafe options.criuImagePath = text(message.criu_image_path)
            unsafe options.criuWorkPath = text(message.criu_work_path)
            return options
        }
    }
}
