package import LinuxSys

/// Why something about images did not work. Each prints as one line: operation, subject, reason.
package enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel refused.
    case kernel(SysError)
    /// A document of an archive or of the store is not what it should be.
    case document(subject: String, reason: String)
    /// An archive is damaged, cut off, or hostile.
    case archive(subject: String, reason: String)
    /// Content is not what its digest says.
    case digestMismatch(subject: String, wanted: String, found: String)
    /// Well-formed input that is not handled here.
    case unsupported(subject: String, what: String)
    /// A limit that protects the host was reached.
    case limit(subject: String, what: String)
    case notFound(kind: Kind, name: String)
    /// More than one thing has that name or id prefix.
    case ambiguous(kind: Kind, name: String)
    case exists(kind: Kind, name: String)
    /// The thing is still used.
    case inUse(kind: Kind, name: String, by: String)
    /// What the caller asked for makes no sense.
    case invalid(what: String, value: String, reason: String)
    /// The database.
    case database(operation: String, reason: String)

    package enum Kind: String, Sendable {
        case image, container, pod, user, group, lease
    }

    package var description: String {
        switch self {
        case .kernel(let error): error.description
        case .document(let subject, let reason): "read \(subject): \(reason)"
        case .archive(let subject, let reason): "unpack \(subject): \(reason)"
        case .digestMismatch(let subject, let wanted, let found): "verify \(subject): digest \(wanted) expected, found \(found)"
        case .unsupported(let subject, let what): "read \(subject): \(what) is not supported"
        case .limit(let subject, let what): "unpack \(subject): \(what)"
        case .notFound(let kind, let name): "find \(kind.rawValue) \(name): no such \(kind.rawValue)"
        case .ambiguous(let kind, let name): "find \(kind.rawValue) \(name): more than one matches"
        case .exists(let kind, let name): "create \(kind.rawValue) \(name): the name is taken"
        case .inUse(let kind, let name, let user): "remove \(kind.rawValue) \(name): in use by \(user)"
        case .invalid(let what, let value, let reason): "check \(what) `\(value)`: \(reason)"
        case .database(let operation, let reason): "\(operation): \(reason)"
        }
    }
}
