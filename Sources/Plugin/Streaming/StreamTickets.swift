internal import Messages

/// What the URLs of Exec, Attach and PortForward stand for. Each is good for one connection, for a minute.
struct StreamTickets: Sendable {
    enum Purpose: Equatable, Sendable {
        case exec(Runtime_V1_ExecRequest)
        case attach(Runtime_V1_AttachRequest)
        case portForward(Runtime_V1_PortForwardRequest)

        /// The first part of the URL's path.
        var path: String {
            switch self {
            case .exec: "exec"
            case .attach: "attach"
            case .portForward: "portforward"
            }
        }

        /// The streams of a command.
        var wishes: StreamWishes {
            switch self {
            case .exec(let request): request.wishes
            case .attach(let request): request.wishes
            case .portForward: StreamWishes(terminal: false, stdin: false, stdout: false, stderr: false)
            }
        }
    }

    static let lifetime: UInt64 = 60_000_000_000
    /// Beyond it a caller is asking for URLs and not using them.
    static let most = 1000

    private var waiting: [String: (purpose: Purpose, until: UInt64)] = [:]

    /// A token that nobody can guess. Nil: too many wait. `now` in nanoseconds of a clock that only rises.
    mutating func issue(_ purpose: Purpose, now: UInt64) -> String? {
        waiting = waiting.filter { $0.value.until > now }
        guard waiting.count < Self.most else { return nil }
        let token = Identifier.make()
        waiting[token] = (purpose, now + Self.lifetime)
        return token
    }

    /// `/exec/TOKEN`, without using the ticket up.
    func look(_ path: String, now: UInt64) -> Purpose? {
        guard let (kind, token) = Self.parts(path), let found = waiting[token], found.until > now, found.purpose.path == kind else {
            return nil
        }
        return found.purpose
    }

    /// The same; the ticket is used up.
    mutating func take(_ path: String, now: UInt64) -> Purpose? {
        guard let purpose = look(path, now: now), let (_, token) = Self.parts(path) else { return nil }
        waiting[token] = nil
        return purpose
    }

    private static func parts(_ path: String) -> (kind: String, token: String)? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].isEmpty ? (String(parts[1]), String(parts[2])) : nil
    }
}
