internal import Glibc
internal import LinuxSys
internal import Logging
internal import TTRPC

extension ContainerActor {
    /// The stop signal, then after `grace` KILL. Returns when the container has ended; nothing to stop is fine.
    func stop(grace: Duration) async throws {
        let asked = try await order.run { try await self.askToStop(grace: grace) }
        guard asked else { return await untilTold() }
        if grace > .zero, await waitForExit(within: grace) { return }
        try await killAndWait()
    }

    /// False when there is nothing that runs.
    private func askToStop(grace: Duration) async throws(PluginError) -> Bool {
        guard case .running = memory.life, let shim else { return false }
        if grace > .zero { try await tolerateEnded { () throws(PluginError) in try await shim.kill(self.memory.stopSignal) } }
        return true
    }

    private func killAndWait() async throws(PluginError) {
        if let shim { try await tolerateEnded { () throws(PluginError) in try await shim.kill(SIGKILL, all: true) } }
        guard await waitForExit(within: .seconds(30)) else { throw .deadline(operation: "kill container", subject: id, seconds: 30) }
    }

    /// An end that is known here but not told yet is waited for: whoever asks next is to hear of it, and of a removal after it.
    private func untilTold() async { if memory.life.exit != nil { _ = await waitForExit(within: .seconds(30)) } }

    /// A process that ended on its own before the signal is no failure of the signal.
    func tolerateEnded(_ body: () async throws(PluginError) -> Void) async throws(PluginError) {
        do throws(PluginError) {
            try await body()
        } catch .shim(_, _, let status) where status.code == .notFound || status.code == .failedPrecondition {
            site.logger.debug("container \(id) ended before the signal: \(status)")
        }
    }

    /// Ends it if it runs and removes everything but its log. Removing it twice is fine.
    func remove() async throws { try await order.run { try await self.removeInOrder() } }

    private func removeInOrder() async throws(PluginError) {
        guard !isGone else { return }
        if memory.life.exit == nil { try await killAndWait() }
        await untilTold()
        await releaseShim()
        try await forget(telling: true)
    }
}
