internal import CTaskProto
package import TTRPC

/// containerd.runtime.bootstrap.v1.BootstrapParams: on the stdin of a shim that containerd 2.3 or newer starts.
package struct BootstrapParameters: Equatable, Sendable {
    package var instanceID = ""
    package var namespace = ""
    /// More is asked for than the usual: -4 debug, -8 trace.
    package var logLevel: Int32 = 0
    package var ttrpcAddress = ""
    package var grpcAddress = ""
    package var socketDirectory = ""
    package var extensions: [AnyValue] = []

    package init() {}

    package init(_ bytes: [UInt8]) throws(Status) {
        let name = "containerd.runtime.bootstrap.v1.BootstrapParams"
        self = try unsafe decode(bytes, name, containerd__runtime__bootstrap__v1__bootstrap_params__init) { message in
            var parameters = BootstrapParameters()
            unsafe parameters.instanceID = text(message.instance_id)
            unsafe parameters.namespace = text(message.namespace_)
            unsafe parameters.logLevel = Int32(message.log_level.rawValue)
            unsafe parameters.ttrpcAddress = text(message.containerd_ttrpc_address)
            unsafe parameters.grpcAddress = text(message.containerd_grpc_address)
            unsafe parameters.socketDirectory = text(message.socket_dir)
            unsafe parameters.extensions = copy(message.extensions, count: message.n_extensions) { unsafe AnyValue($0.value) }.compactMap(
                \.self)
            return parameters
        }
    }
}

/// BootstrapResult: what such a shim answers on its stdout.
package struct BootstrapResult: Equatable, Sendable {
    package var version: Int32
    package var address: String
    package var `protocol` = "ttrpc"

    package init(version: Int32, address: String) {
        self.version = version
        self.address = address
    }

    package var encoded: [UInt8] {
        unsafe encode(containerd__runtime__bootstrap__v1__bootstrap_result__init) { message, arena in
            unsafe message.version = version
            unsafe message.address = unsafe arena.string(address)
            unsafe message.protocol = unsafe arena.string(self.protocol)
        }
    }
}

extension AnyValue {
    /// A google.protobuf.Any by itself: the options on the stdin of a shim up to containerd 2.2.
    package init(parsing bytes: [UInt8]) throws(Status) {
        self = try unsafe decode(bytes, "google.protobuf.Any", google__protobuf__any__init) {
            unsafe AnyValue(typeURL: text($0.type_url), value: copy($0.value))
        }
    }

    package var encoded: [UInt8] {
        unsafe encode(google__protobuf__any__init) { message, arena in
            unsafe message.type_url = unsafe arena.string(typeURL)
            unsafe message.value = unsafe arena.data(value)
        }
    }
}

/// containerd.types.RuntimeInfo: what a shim prints for `-info`.
package struct RuntimeInfo: Equatable, Sendable {
    package var name: String, version: String
    /// As they were given.
    package var options: AnyValue?
    package var features: AnyValue?

    package init(name: String, version: String, options: AnyValue? = nil, features: AnyValue? = nil) {
        self.name = name
        self.version = version
        self.options = options
        self.features = features
    }

    package var encoded: [UInt8] {
        unsafe encode(containerd__types__runtime_info__init) { message, arena in
            unsafe message.name = unsafe arena.string(name)
            unsafe message.version = unsafe arena.message(containerd__types__runtime_version__init) {
                unsafe $0.version = unsafe arena.string(version)
            }
            if let options { unsafe message.options = unsafe arena.any(options) }
            if let features { unsafe message.features = unsafe arena.any(features) }
        }
    }
}
