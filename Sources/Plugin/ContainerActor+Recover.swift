internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import SwiftProtobuf

extension ContainerActor {
    /// After a restart of swiftletd: finds the shim again and learns what happened meanwhile. False for a container that a
    /// crash left half made, and that is gone now.
    func recover() async -> Bool {
        guard memory.isComplete else {
            await clearHalfMade()
            return false
        }
        if memory.life.exit != nil {
            show(nil)
            // Its shim may have been kept by a crash between the exit and the release.
            if !memory.socket.isEmpty, let link = try? await ShimLink.connect(id, socket: memory.socket) {
                shim = link
                await releaseShim()
            }
            return true
        }
        show(nil)
        do throws(PluginError) {
            try await reconnect()
        } catch {
            site.logger.warning("container \(id): \(error)")
            await clearAway()
        }
        return true
    }

    private func reconnect() async throws(PluginError) {
        let link = try await ShimLink.connect(id, socket: memory.socket)
        let state = try await link.state()
        shim = link
        switch state.status {
        case .stopped:
            await ended(code: state.exitStatus, time: state.exitedAt.nanoseconds)
        case .running, .paused, .pausing:
            // The crash came between the start and its record.
            if case .created = memory.life, memory.life.startAsked() { await apply(memory.life.startAnswered(at: realtimeNanoseconds())) }
            watch()
        case .created, .unknown, .UNRECOGNIZED:
            watch()
        }
    }

    private func clearHalfMade() async {
        do throws(PluginError) {
            _ = try await ShimLink.clearAway(id, bundle: record.bundle, site.shim)
        } catch {
            site.logger.warning("half-made container \(id): \(error)")
        }
        do { try await forget() } catch { site.logger.error("half-made container \(id): \(error)") }
    }

    /// Lets the shim go on by itself: swiftletd is about to end.
    func leave() async {
        guard let held = shim else { return }
        await held.disconnect()
    }
}
