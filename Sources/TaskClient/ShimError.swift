package import LinuxSys

/// Why a shim could not be had.
package enum ShimError: Error, Equatable, CustomStringConvertible {
    /// No shim at any of the places where it is looked for.
    case notFound(searched: [String])
    /// The program could not be run to its end.
    case run(SysError)
    /// It ended with an error; what it said on stderr.
    case failed(verb: String, id: String, ExitStatus, message: String)
    /// It ended well and said nothing that can be used.
    case badAnswer(verb: String, id: String, String)

    package var description: String {
        switch self {
        case .notFound(let searched): "find containerd-shim-swiftlet-v2: not in \(searched.joined(separator: ", "))"
        case .run(let error): "\(error)"
        case .failed(let verb, let id, let status, ""): "shim \(verb) \(id): ended with \(status.words)"
        case .failed(let verb, let id, _, let message): "shim \(verb) \(id): \(message)"
        case .badAnswer(let verb, let id, let reason): "shim \(verb) \(id): \(reason)"
        }
    }
}

extension ExitStatus {
    fileprivate var words: String {
        switch self {
        case .code(let code): "status \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}
