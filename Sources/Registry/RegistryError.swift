package import Images
package import LinuxSys

/// Why something with a registry did not work. Each prints as one line: operation, subject, reason. What a registry says of itself is
/// shortened and freed of control characters before it gets here; credentials and the queries of addresses never do.
package enum RegistryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A text that is no reference to an image in a registry.
    case reference(String, reason: String)
    /// A file with settings or credentials is not what it should be.
    case settings(subject: String, reason: String)
    /// Credentials could not be had from, or given to, a helper program.
    case helper(program: String, host: String, reason: String)
    /// 401: no credentials, or ones that the registry does not take.
    case unauthorized(Place, reason: String)
    /// 403.
    case forbidden(Place, reason: String)
    /// 404.
    case notFound(Place, reason: String)
    /// 429, or a server that says when it will have time again; seconds, when it said.
    case tooManyRequests(Place, retryAfter: Int?)
    /// Any other answer that is none.
    case refused(Place, status: Int, reason: String)
    /// No connection came about.
    case unreachable(Place, reason: String)
    /// Nothing was answered, or the connection broke.
    case connection(Place, reason: String)
    /// An answer that breaks the protocol.
    case answer(Place, reason: String)
    /// Content is not what its digest says.
    case digestMismatch(Place, wanted: String, found: String)
    /// A limit that protects the host was reached.
    case limit(Place, what: String)
    /// Well-formed, and not handled here.
    case unsupported(Place, what: String)
    /// An index without an image for that machine.
    case noPlatform(Place, wanted: String, offered: [String])
    case cancelled(Place)
    case store(ImageError)
    case kernel(SysError)

    /// What was being done, and to what.
    package struct Place: Equatable, Sendable {
        package let operation: String
        package let subject: String
        package init(_ operation: String, _ subject: String) {
            self.operation = operation
            self.subject = subject
        }
    }

    package var description: String {
        switch self {
        case .reference(let text, let reason): "check image name `\(text)`: \(reason)"
        case .settings(let subject, let reason): "read \(subject): \(reason)"
        case .helper(let program, let host, let reason): "ask \(program) for \(host): \(reason)"
        case .unauthorized(let place, let reason): "\(place): not authenticated (401): \(reason)"
        case .forbidden(let place, let reason): "\(place): access denied (403): \(reason)"
        case .notFound(let place, let reason): "\(place): not found (404): \(reason)"
        case .tooManyRequests(let place, let seconds):
            "\(place): too many requests (429)" + (seconds.map { ": the registry asks to come again after \($0) s" } ?? "")
        case .refused(let place, let status, let reason): "\(place): the registry answers \(status): \(reason)"
        case .unreachable(let place, let reason): "\(place): \(reason)"
        case .connection(let place, let reason): "\(place): \(reason)"
        case .answer(let place, let reason): "\(place): \(reason)"
        case .digestMismatch(let place, let wanted, let found): "\(place): digest \(wanted) expected, found \(found)"
        case .limit(let place, let what): "\(place): \(what)"
        case .unsupported(let place, let what): "\(place): \(what) is not supported"
        case .noPlatform(let place, let wanted, let offered):
            "\(place): no image for \(wanted)" + (offered.isEmpty ? "" : ", only for \(offered.joined(separator: ", "))")
        case .cancelled(let place): "\(place): cancelled"
        case .store(let error): error.description
        case .kernel(let error): error.description
        }
    }

    /// Whether the same may work a moment later, or with another server.
    var isPassing: Bool {
        switch self {
        case .unreachable, .connection, .tooManyRequests: true
        case .refused(_, let status, _): status == 408 || status >= 500
        case .reference, .settings, .helper, .unauthorized, .forbidden, .notFound, .answer, .digestMismatch, .limit, .unsupported,
            .noPlatform,
            .cancelled, .store, .kernel:
            false
        }
    }
}

extension RegistryError.Place: CustomStringConvertible {
    package var description: String { "\(operation) \(subject)" }
}

/// What a stranger wrote, made fit to be shown: one line, no control characters, not long.
func shown(_ text: some StringProtocol, limit: Int = 200) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: result.append(" ")
        default: result.append(scalar)
        }
    }
    return String(result)
}
