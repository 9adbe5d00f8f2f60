internal import Glibc
internal import Images
internal import LinuxSys
package import Logging
internal import Messages
internal import TTRPC
internal import TTRPCNIO

/// swiftletd while it runs: the two sockets and what is behind them.
package final class Daemon: Sendable {
    private let site: Site
    private let registry: Registry
    private let events: TTRPCServer
    private let front: TTRPCServer
    private let streams: StreamServer
    private let metrics: MetricsServer?

    private init(
        site: Site, registry: Registry, events: TTRPCServer, front: TTRPCServer, streams: StreamServer, metrics: MetricsServer?
    ) {
        (self.site, self.registry, self.events, self.front) = (site, registry, events, front)
        (self.streams, self.metrics) = (streams, metrics)
    }

    /// Finds what an earlier swiftletd left running, then serves. Nothing is answered before everything is known again.
    package static func start(_ settings: PluginSettings, logger: Logger) async throws(PluginError) -> Daemon {
        let store = try await offPool {
            try prepareDirectory(settings.state)
            if settings.inherited == nil { try SocketDirectory.prepare(Directory.parent(of: settings.socket), settings.access) }
            return try Store(root: settings.root)
        }
        if settings.inherited == nil { try await refuseLive(settings.socket) }
        let site = Site(settings, store: store, logger: logger)
        let registry = Registry(site)
        let containers = try await registry.load()
        try await registry.sweep()
        do throws(Status) {
            // Shims that waited for somebody to listen send now what happened meanwhile.
            let events = try await TTRPCServer.listen(path: settings.eventSocket, routes: EventReceiver(registry: registry).routes)
            await registry.recover(containers)
            // Before anything is served: no pod may be joining a network meanwhile.
            await site.networks?.collectGarbage(keeping: await registry.podIDs)
            let streams = try await startStreams(site, registry)
            let routes = Service(site, registry, streams).routes.observed { site.metrics.called($0, $1, $2, took: $3) }
            let metrics = try await openMetrics(site)
            let front = try await TTRPCServer.listen(
                path: settings.socket, routes: routes, access: settings.access, inherited: settings.inherited)
            logger.info("listening on \(settings.socket)")
            return Daemon(site: site, registry: registry, events: events, front: front, streams: streams, metrics: metrics)
        } catch {
            throw .store(error.code, error.message)
        }
    }

    /// Stops answering. Containers and their shims go on.
    package func stop() async {
        site.close()
        site.board.close()
        await front.close()
        await streams.close()
        await metrics?.close()
        for container in await registry.allContainers { await container.leave() }
        await events.close()
        site.logger.info("ended")
    }

    private static func startStreams(_ site: Site, _ registry: Registry) async throws(Status) -> StreamServer {
        do throws(PluginError) { return try await StreamServer.start(site: site, registry: registry) } catch { throw error.status }
    }

    private static func openMetrics(_ site: Site) async throws(Status) -> MetricsServer? {
        guard let address = site.settings.metrics else { return nil }
        do throws(PluginError) {
            return try await MetricsServer.listen(address) { await MetricsReport(site: site).page() }
        } catch {
            throw error.status
        }
    }

    /// Of the metrics, when they are served over TCP.
    package var metricsPort: Int? { metrics?.port }

    /// Mode 0700: who may enter it may do anything.
    private static func prepareDirectory(_ path: String) throws(SysError) {
        try Directory.make(path, mode: 0o700)
        try checkErrno("chmod", on: path) { unsafe chmod(path, 0o700) }
    }

    /// Before anything is touched: a second swiftletd on the same socket would take the first one's containers for its own.
    private static func refuseLive(_ path: String) async throws(PluginError) {
        guard let client = try? await TTRPCClient.connect(path: path) else { return }
        await client.close()
        throw .store(.alreadyExists, "listen \(path): another process serves this socket")
    }
}
