internal import CTaskProto
package import TTRPC

/// containerd.runc.v1.Options: what `ctr run --runc-…` and containerd's configuration hand through in Create.
package struct RuncOptions: Equatable, Sendable {
    package static let typeName = "containerd.runc.v1.Options"
    /// Of containerd 1.0, which clients of 1.x send for a runtime whose options they do not know.
    package static let oldTypeName = "containerd.linux.runc.CreateOptions"

    package var noPivotRoot = false
    package var noNewKeyring = false
    package var shimCgroup = ""
    package var ioUID: UInt32 = 0
    package var ioGID: UInt32 = 0
    package var binaryName = ""
    package var root = ""
    package var criuPath = ""
    package var systemdCgroup = false
    package var criuImagePath = ""
    package var criuWorkPath = ""
    /// Where containerd speaks to a shim that it did not start; says nothing to the shim itself.
    package var taskAPIAddress = ""
    package var taskAPIVersion: UInt32 = 0

    package init() {}

    package init(_ bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, Self.typeName, containerd__runc__v1__options__init) { message in
            var options = RuncOptions()
            unsafe options.noPivotRoot = message.no_pivot_root != 0
            unsafe options.noNewKeyring = message.no_new_keyring != 0
            unsafe options.shimCgroup = text(message.shim_cgroup)
            unsafe options.ioUID = message.io_uid
            unsafe options.ioGID = message.io_gid
            unsafe options.binaryName = text(message.binary_name)
            unsafe options.root = text(message.root)
            unsafe options.criuPath = text(message.criu_path)
            unsafe options.systemdCgroup = message.systemd_cgroup != 0
            unsafe options.criuImagePath = text(message.criu_image_path)
            unsafe options.criuWorkPath = text(message.criu_work_path)
            unsafe options.taskAPIAddress = text(message.task_api_address)
            unsafe options.taskAPIVersion = message.task_api_version
            return options
        }
    }

    /// The older message, whose fields have other numbers. Those for a checkpoint come again with that call.
    init(old bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, Self.oldTypeName, containerd__linux__runc__create_options__init) { message in
            var options = RuncOptions()
            unsafe options.noPivotRoot = message.no_pivot_root != 0
            unsafe options.noNewKeyring = message.no_new_keyring != 0
            unsafe options.shimCgroup = text(message.shim_cgroup)
            unsafe options.ioUID = message.io_uid
            unsafe options.ioGID = message.io_gid
            unsafe options.criuWorkPath = text(message.criu_work_path)
            unsafe options.criuImagePath = text(message.criu_image_path)
            return options
        }
    }
}

/// runtimeoptions.v1.Options: TOML, or the path of a file with it, from containerd's CRI configuration or `ctr run --runtime-config-path`.
package struct ConfiguredOptions: Equatable, Sendable {
    package static let typeName = "runtimeoptions.v1.Options"

    /// Of what the TOML says.
    package var typeURL = ""
    package var path = ""
    /// Counts when there is no path.
    package var body: [UInt8] = []

    package init() {}

    init(_ bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, Self.typeName, runtimeoptions__v1__options__init) { message in
            var options = ConfiguredOptions()
            unsafe options.typeURL = text(message.type_url)
            unsafe options.path = text(message.config_path)
            unsafe options.body = copy(message.config_body)
            return options
        }
    }
}

/// The options of a Create, in each form in which containerd knows them.
package enum CreateOptions: Equatable, Sendable {
    case none
    case runc(RuncOptions)
    case configured(ConfiguredOptions)

    package init(_ any: AnyValue?) throws(Status) {
        guard let any, !any.typeURL.isEmpty else {
            self = .none
            return
        }
        switch any.typeName {
        case RuncOptions.typeName[...]: self = .runc(try RuncOptions(any.value))
        case RuncOptions.oldTypeName[...]: self = .runc(try RuncOptions(old: any.value))
        case ConfiguredOptions.typeName[...]: self = .configured(try ConfiguredOptions(any.value))
        default:
            let known = [RuncOptions.typeName, RuncOptions.oldTypeName, ConfiguredOptions.typeName].joined(separator: ", ")
            throw Status(.unknown, "runtime options of type \(any.typeURL): only \(known) are understood")
        }
    }
}
