internal import NIOHTTP1

/// What becomes of a request at a stream's URL.
enum StreamUpgrade: Equatable, Sendable {
    case webSocket(subprotocol: String)
    case spdy(protocol: String)
    case refused(Refusal)

    struct Refusal: Equatable, Sendable {
        var status: HTTPResponseStatus
        var text: String
        var headers: HTTPHeaders = [:]
    }

    /// What clients of SPDY offer, and are told (k8s.io/apimachinery/pkg/util/httpstream).
    static let offers = "X-Stream-Protocol-Version"
    private static let accepted = "X-Accepted-Stream-Protocol-Versions"

    /// `purpose`: what the URL stands for; nil: nothing.
    init(_ head: HTTPRequestHead, _ purpose: StreamTickets.Purpose?) {
        guard let purpose else {
            let seconds = StreamTickets.lifetime / 1_000_000_000
            self = .refused(.init(status: .notFound, text: "no such stream: the URL was used, or is older than \(seconds) s"))
            return
        }
        let upgrades = head.headers[canonicalForm: "upgrade"].map { $0.lowercased() }
        let isUpgrade = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        switch upgrades.first(where: { $0 == "websocket" || $0 == SPDYUpgrader.name.lowercased() }) {
        case "websocket"? where isUpgrade: self = Self.webSocket(head, purpose)
        case _? where isUpgrade: self = Self.spdy(head, purpose)
        default:
            let named = upgrades.first.map { "upgrade to \($0) is not supported: " } ?? ""
            self = .refused(.init(status: .badRequest, text: "\(named)a WebSocket or \(SPDYUpgrader.name) is wanted"))
        }
    }

    private static func webSocket(_ head: HTTPRequestHead, _ purpose: StreamTickets.Purpose) -> StreamUpgrade {
        let offers = head.headers[canonicalForm: "sec-websocket-protocol"].map(String.init)
        let known = if case .portForward = purpose { [PortForwarding.protocol] } else { RemoteCommand.Version.webSocket.map(\.rawValue) }
        if let chosen = offers.first(where: known.contains) { return .webSocket(subprotocol: chosen) }
        let offered = offers.isEmpty ? "(none)" : quoted(offers.joined(separator: ", "))
        return .refused(
            .init(
                status: .badRequest,
                text: "none of the subprotocols \(offered) is known; these are: \(known.joined(separator: ", "))"))
    }

    /// As Kubernetes' servers answer: 400 without an offer, 403 with none that is known.
    private static func spdy(_ head: HTTPRequestHead, _ purpose: StreamTickets.Purpose) -> StreamUpgrade {
        let offered = head.headers[canonicalForm: offers].map(String.init).filter { !$0.isEmpty }
        guard !offered.isEmpty else { return .refused(.init(status: .badRequest, text: "unable to upgrade: \(offers) is required")) }
        let known = if case .portForward = purpose { [PortPairs.protocol] } else { RemoteCommand.Version.spdy.map(\.rawValue) }
        if let chosen = offered.first(where: known.contains) { return .spdy(protocol: chosen) }
        let text =
            "unable to upgrade: unable to negotiate protocol: client supports \(quoted(offered.joined(separator: ", "))), "
            + "server accepts \(known.joined(separator: ", "))"
        return .refused(.init(status: .forbidden, text: text, headers: HTTPHeaders(known.map { (accepted, $0) })))
    }
}
