internal import Images
internal import LinuxSys
internal import Registry
package import TTRPC

/// Why a call of the runtime interface did not do what it was asked to. Each prints as one line.
package enum PluginError: Error, Equatable, CustomStringConvertible {
    /// A field makes no sense.
    case invalid(field: String, reason: String)
    /// A field asks for something that is not done here.
    case unsupported(field: String, what: String)
    case notFound(Kind, String)
    case ambiguous(Kind, String)
    /// The name (of metadata) is taken.
    case taken(Kind, String)
    case wrongState(Kind, String, wanted: String, found: String)
    /// Something did not end in time.
    case deadline(operation: String, subject: String, seconds: Int64)
    /// A subscriber took its events too slowly.
    case laggingSubscriber
    /// A client that is attached to a container took its output too slowly.
    case laggingClient(String)
    /// Of the events that a client has missed some are not kept any more.
    case eventsGone(after: UInt64, floor: UInt64)
    case kernel(operation: String, subject: String, reason: String)
    case document(subject: String, reason: String)
    /// The image store refused.
    case store(StatusCode, String)
    /// The registry refused, or cannot be reached.
    case registry(StatusCode, String)
    /// The pod's network.
    case network(StatusCode, String)
    /// The shim answered with an error.
    case shim(operation: String, subject: String, Status)

    package enum Kind: String, Sendable { case pod = "pod sandbox", container, image }

    package var description: String {
        switch self {
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .unsupported(let field, let what): "\(field): \(what) is not supported"
        case .notFound(let kind, let id): "find \(kind.rawValue) \(id): no such \(kind.rawValue)"
        case .ambiguous(let kind, let id): "find \(kind.rawValue) \(id): more than one matches"
        case .taken(let kind, let name): "create \(kind.rawValue) \(name): the name is taken"
        case .wrongState(let kind, let id, let wanted, let found): "\(kind.rawValue) \(id): is \(found), must be \(wanted)"
        case .deadline(let operation, let subject, let seconds): "\(operation) \(subject): not done after \(seconds) s"
        case .laggingSubscriber: "send container events: the receiver is too slow; list again"
        case .laggingClient(let id): "attach to container \(id): the client took nothing for too long; output is missing"
        case .eventsGone(let after, let floor): "replay container events after \(after): those up to \(floor) are gone; list again"
        case .kernel(let operation, let subject, let reason): "\(operation) \(subject): \(reason)"
        case .document(let subject, let reason): "read \(subject): \(reason)"
        case .store(_, let text), .registry(_, let text), .network(_, let text): text
        case .shim(let operation, let subject, let status): "\(operation) \(subject): \(status)"
        }
    }

    package var status: Status { Status(code, description) }

    private var code: StatusCode {
        switch self {
        case .invalid: .invalidArgument
        case .unsupported: .unimplemented
        case .notFound: .notFound
        case .ambiguous: .invalidArgument
        case .taken: .alreadyExists
        case .wrongState: .failedPrecondition
        case .deadline: .deadlineExceeded
        case .laggingSubscriber, .laggingClient: .resourceExhausted
        case .eventsGone: .outOfRange
        case .kernel, .document: .unknown
        case .store(let code, _), .registry(let code, _), .network(let code, _): code
        case .shim(_, _, let status): status.code
        }
    }
}

extension PluginError {
    init(_ error: SysError) { self = .kernel(operation: error.operation, subject: error.subject, reason: error.reason) }

    init(_ error: ImageError) { self = .store(error.code, error.description) }

    init(_ error: RegistryError) {
        switch error {
        case .store(let error): self.init(error)
        case .kernel(let error): self.init(error)
        default: self = .registry(error.code, error.description)
        }
    }
}

extension RegistryError {
    fileprivate var code: StatusCode {
        switch self {
        case .reference: .invalidArgument
        case .settings, .helper: .failedPrecondition
        case .unauthorized: .unauthenticated
        case .forbidden: .permissionDenied
        case .notFound, .noPlatform: .notFound
        case .tooManyRequests, .limit: .resourceExhausted
        case .unreachable, .connection, .refused: .unavailable
        case .answer, .digestMismatch: .dataLoss
        case .unsupported: .unimplemented
        case .cancelled: .cancelled
        case .store(let error): error.code
        case .kernel(let error): error.isOutOfSpace ? .resourceExhausted : .unknown
        }
    }
}

extension ImageError {
    fileprivate var code: StatusCode {
        switch self {
        case .kernel(let error): error.isOutOfSpace ? .resourceExhausted : .unknown
        case .document, .archive, .digestMismatch: .dataLoss
        case .unsupported: .unimplemented
        case .limit: .resourceExhausted
        case .notFound: .notFound
        case .ambiguous, .invalid: .invalidArgument
        case .exists: .alreadyExists
        case .inUse: .failedPrecondition
        case .database: .internal
        }
    }
}
