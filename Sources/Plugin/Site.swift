internal import Images
internal import Logging
internal import Synchronization

/// What every pod and container of one swiftletd shares.
final class Site: Sendable {
    let settings: PluginSettings
    let store: Store
    let board = Board()
    let abilities = NodeAbilities.ofThisNode()
    let metrics = Metrics()
    let shim: ShimLink.Settings
    let logger: Logger
    /// Nil: pods have a loopback interface only.
    let networks: PodNetworks?
    private let closing = Atomic(false)

    init(_ settings: PluginSettings, store: Store, logger: Logger) {
        self.settings = settings
        self.store = store
        self.logger = logger
        networks = settings.network == .cni ? PodNetworks(settings, logger: logger) : nil
        shim = ShimLink.Settings(
            shim: settings.shim, eventAddress: settings.eventSocket, debug: settings.debug, socketDirectory: settings.shimSockets,
            metrics: metrics)
    }

    /// From now on a connection that breaks says nothing about its container.
    func close() { closing.store(true, ordering: .releasing) }
    var isClosing: Bool { closing.load(ordering: .acquiring) }
}
