internal import CTaskProto
package import TTRPC

/// containerd.runc.v1.CheckpointOptions, or the same of containerd 1.0.
package struct CheckpointOptions: Equatable, Sendable {
    package static let typeName = "containerd.runc.v1.CheckpointOptions"
    package static let oldTypeName = "containerd.linux.runc.CheckpointOptions"

    /// The container ends with it.
    package var exit = false
    package var openTCP = false
    package var externalUnixSockets = false
    package var terminal = false
    package var fileLocks = false
    package var emptyNamespaces: [String] = []
    package var cgroupsMode = ""
    package var imagePath = ""
    package var workPath = ""
    package var parentPath = ""

    package init() {}

    package init(_ any: AnyValue?) throws(Status) {
        guard let any, !any.typeURL.isEmpty else {
            self.init()
            return
        }
        switch any.typeName {
        case Self.typeName[...]: try self.init(any.value)
        case Self.oldTypeName[...]: try self.init(old: any.value)
        default:
            throw Status(
                .unknown, "options of type \(any.typeURL): only \(Self.typeName) and \(Self.oldTypeName) are understood")
        }
    }

    private init(_ bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, Self.typeName, containerd__runc__v1__checkpoint_options__init) { message in
            var options = CheckpointOptions()
            unsafe options.exit = message.exit != 0
            unsafe options.openTCP = message.open_tcp != 0
            unsafe options.externalUnixSockets = message.external_unix_sockets != 0
            unsafe options.terminal = message.terminal != 0
            unsafe options.fileLocks = message.file_locks != 0
            unsafe options.emptyNamespaces = texts(message.empty_namespaces, count: message.n_empty_namespaces)
            unsafe options.cgroupsMode = text(message.cgroups_mode)
            unsafe options.imagePath = text(message.image_path)
            unsafe options.workPath = text(message.work_path)
            unsafe options.parentPath = text(message.parent_path)
            return options
        }
    }

    private init(old bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, Self.oldTypeName, containerd__linux__runc__checkpoint_options__init) { message in
            var options = CheckpointOptions()
            unsafe options.exit = message.exit != 0
            unsafe options.openTCP = message.open_tcp != 0
            unsafe options.externalUnixSockets = message.external_unix_sockets != 0
            unsafe options.terminal = message.terminal != 0
            unsafe options.fileLocks = message.file_locks != 0
            unsafe options.emptyNamespaces = texts(message.empty_namespaces, count: message.n_empty_namespaces)
            unsafe options.cgroupsMode = text(message.cgroups_mode)
            unsafe options.imagePath = text(message.image_path)
            unsafe options.workPath = text(message.work_path)
            return options
        }
    }
}
