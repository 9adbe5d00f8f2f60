internal import NIOCore
internal import NIOHTTP1

/// From an HTTP request to a connection that speaks SPDY/3.1, as Kubernetes' clients ask for it.
struct SPDYUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    static let name = "SPDY/3.1"

    let supportedProtocol = Self.name
    let requiredUpgradeHeaders: [String] = []
    /// The headers of the answer; nil: it is refused.
    let answer: @Sendable (HTTPRequestHead) -> HTTPHeaders?
    let begin: @Sendable (any Channel, HTTPRequestHead) -> EventLoopFuture<Void>

    func buildUpgradeResponse(
        channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        guard let answer = answer(upgradeRequest) else {
            return channel.eventLoop.makeFailedFuture(PluginError.invalid(field: "upgrade", reason: "is refused"))
        }
        var headers = initialResponseHeaders
        headers.add(contentsOf: answer)
        return channel.eventLoop.makeSucceededFuture(headers)
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<Void> { begin(channel, upgradeRequest) }
}
