internal import TTRPC

/// What a call ended with instead of an answer: google.rpc.Status without details. CRI's calls say with it what docs/plugin.md lists.
public struct CallFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// google.rpc.Code: 5 is `notFound`, 14 `unavailable`, …
    public let code: Int
    /// `notFound`, `unavailable`, …
    public let name: String
    public let message: String

    init(_ status: Status) {
        code = Int(status.code.rawValue)
        name = "\(status.code)"
        message = status.message
    }

    public var description: String { message.isEmpty ? name : "\(name): \(message)" }
}
