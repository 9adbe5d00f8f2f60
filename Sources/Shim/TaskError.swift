package import Executor
package import LinuxSys
package import TTRPC

/// Why a call on the task service fails.
package enum TaskError: Error, Equatable, Sendable, CustomStringConvertible {
    case unknownTask(String)
    case unknownProcess(String)
    case unknownSandbox(String)
    case exists(String)
    /// What was asked cannot be done in the phase the process or container is in.
    case wrongPhase(String, String)
    case invalid(String, String)
    /// A message in a message that is none of the type it should be.
    case undecodable(String, String)
    case unsupported(String)
    case deadline(String, String)
    case busy(String)
    case kernel(SysError)
    case executor(ExecutorFailure)

    package var description: String {
        switch self {
        case .unknownTask(let id): "task \(id): not found"
        case .unknownProcess(let id): "process \(id): not found"
        case .unknownSandbox(let id): "sandbox \(id): not found"
        case .exists(let subject): "\(subject): exists already"
        case .wrongPhase(let subject, let reason), .invalid(let subject, let reason), .undecodable(let subject, let reason):
            "\(subject): \(reason)"
        case .unsupported(let feature): "\(feature): not supported yet"
        case .deadline(let operation, let reason): "\(operation): \(reason)"
        case .busy(let reason): reason
        case .kernel(let error): error.description
        case .executor(let failure): failure.description
        }
    }

    /// Without the subject, where there is one.
    var reason: String {
        switch self {
        case .wrongPhase(_, let reason), .invalid(_, let reason), .undecodable(_, let reason), .deadline(_, let reason): reason
        case .unknownTask, .unknownProcess, .unknownSandbox, .exists, .unsupported, .busy, .kernel, .executor: description
        }
    }

    package var status: Status {
        let code: StatusCode =
            switch self {
            case .unknownTask, .unknownProcess, .unknownSandbox: .notFound
            case .exists: .alreadyExists
            // containerd's shim has no code for these, and its clients expect none.
            case .wrongPhase, .invalid: .unknown
            case .undecodable: .failedPrecondition
            case .unsupported: .unimplemented
            case .deadline: .deadlineExceeded
            case .busy: .resourceExhausted
            case .kernel(let error): error.isOutOfSpace ? .resourceExhausted : .unknown
            case .executor(let failure): failure.isMissingBundle ? .notFound : .unknown
            }
        return Status(code, description)
    }

    /// A message in a message of a call: of a type that is not known, or not of its type.
    init(_ subject: String, _ status: Status) {
        self = status.code == .unknown ? .invalid(subject, status.message) : .undecodable(subject, status.message)
    }
}
