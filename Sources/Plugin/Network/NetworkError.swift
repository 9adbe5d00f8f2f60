internal import LinuxSys
internal import TTRPC

/// Why a pod's network could not be made, looked at or taken down. Each prints as one line.
enum NetworkError: Error, Equatable, CustomStringConvertible {
    /// No file in the directory is a network configuration.
    case noConfig(directory: String)
    case document(path: String, reason: String)
    case unsupported(path: String, what: String)
    case missingPlugin(type: String, searched: [String])
    /// What the plugin said about it (CNI, "Error"), or how it ended without a word.
    case plugin(CNIVerb, type: String, network: String, code: UInt32?, message: String)
    case deadline(CNIVerb, type: String, network: String, seconds: Int64)
    /// The plugin ended well and its answer cannot be used.
    case answer(CNIVerb, type: String, network: String, reason: String)
    /// No plugin of the network takes what the pod asks for.
    case incapable(field: String, network: String, capability: String)
    case invalid(field: String, reason: String)
    case kernel(SysError)

    var description: String {
        switch self {
        case .noConfig(let directory): "find network in \(directory): no network configuration"
        case .document(let path, let reason): "read \(path): \(reason)"
        case .unsupported(let path, let what): "\(path): \(what) is not supported"
        case .missingPlugin(let type, let searched): "find network plugin \(type): not in \(searched.joined(separator: ", "))"
        case .plugin(let verb, let type, let network, _, let message): "\(verb.rawValue) network \(network) by \(type): \(message)"
        case .deadline(let verb, let type, let network, let seconds):
            "\(verb.rawValue) network \(network) by \(type): not done after \(seconds) s; it was killed"
        case .answer(let verb, let type, let network, let reason):
            "\(verb.rawValue) network \(network) by \(type): the answer cannot be used: \(reason)"
        case .incapable(let field, let network, let capability):
            "\(field): no plugin of network \(network) has the capability \(capability)"
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .kernel(let error): error.description
        }
    }

    var code: StatusCode {
        switch self {
        case .noConfig, .document, .missingPlugin, .unsupported: .failedPrecondition
        // "Try again later", and what STATUS says of a plugin that cannot serve now (CNI, "Error Codes").
        case .plugin(_, _, _, let code, _): code == 11 || code == 50 || code == 51 ? .unavailable : .unknown
        case .deadline: .deadlineExceeded
        case .answer: .internal
        case .incapable: .failedPrecondition
        case .invalid: .invalidArgument
        case .kernel: .unknown
        }
    }
}

extension PluginError {
    init(_ error: NetworkError) { self = .network(error.code, error.description) }
}
