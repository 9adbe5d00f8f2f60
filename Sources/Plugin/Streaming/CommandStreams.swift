internal import SPDY

/// The streams of one exec or attach over SPDY, as the client opens them (k8s.io/kubelet/pkg/cri/streaming/remotecommand): what each is for
/// stands in its header `streamType`.
struct CommandStreams: Equatable, Sendable {
    enum Role: String, Sendable { case error, stdin, stdout, stderr, resize }

    /// Those without which the command does not begin.
    let expected: Set<Role>
    private var streams: [Role: UInt32] = [:]

    init(_ wishes: StreamWishes, _ version: RemoteCommand.Version) {
        let all: [(Role, Bool)] = [
            (.error, true), (.stdin, wishes.stdin), (.stdout, wishes.stdout), (.stderr, wishes.stderr),
            (.resize, wishes.terminal && version.hasResize),
        ]
        expected = Set(all.compactMap { $1 ? $0 : nil })
    }

    subscript(role: Role) -> UInt32? { streams[role] }

    var all: [UInt32] { streams.values.sorted() }
    var isComplete: Bool { expected.isSubset(of: streams.keys) }

    func role(of stream: UInt32) -> Role? { streams.first { $0.value == stream }?.key }

    /// False: there is no such type of stream, or it is there already.
    mutating func open(_ stream: UInt32, _ headers: Headers) -> Bool {
        guard let role = headers["streamtype"].flatMap(Role.init), streams[role] == nil else { return false }
        streams[role] = stream
        return true
    }
}

/// Cuts the sizes of a terminal out of a stream of JSON objects, `{"Width":80,"Height":24}`, which may arrive in pieces.
struct SizeReader: Sendable {
    /// Of one object.
    static let most = 256

    private var held: [UInt8] = []

    mutating func take(_ bytes: [UInt8]) throws(RemoteCommand.Failure) -> [TerminalSize] {
        var sizes: [TerminalSize] = []
        for byte in bytes {
            held.append(byte)
            guard held.count <= Self.most else { throw .badResize }
            guard byte == UInt8(ascii: "}") else { continue }
            sizes.append(try RemoteCommand.size(held))
            held = []
        }
        return sizes
    }
}
