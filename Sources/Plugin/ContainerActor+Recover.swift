internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import SwiftProtobuf

extension ContainerActor {
    /// After a restart of swiftletd: finds the shim again and learns what happened meanwhile. False for a container that a
    /// crash left half made, and that is gone now. Calls that change it wait meanwhile.
    func recover() async -> Bool { (try? await order.run { await self.recoverInOrder() }) ?? true }

    private func recoverInOrder() async -> Bool {
        guard memory.isComplete else {
            await clearHalfMade()
            return false
        }
        if memory.life.exit != nil {
            show()
            // Its shim may have been kept by a crash between the exit and the release.
            if !memory.socket.isEmpty, let link = try? await ShimLink.connect(id, socket: memory.socket) {
                shim = link
                await releaseShim()
            }
            return true
        }
        show()
        do throws(PluginError) {
            try await reconnect()
        } catch {
            site.logger.warning("container \(id): \(error)")
            // Whether it was started nobody can tell any more.
            if case .starting = memory.life { memory.life = .created }
            await clearAway()
        }
        return true
    }

    private func reconnect() async throws(PluginError) {
        let link = try await ShimLink.connect(id, socket: memory.socket)
        let state = try await link.state()
        shim = link
        // What was asked for before the crash, and of which the answer was lost.
        let wasStarting = if case .starting = memory.life { true } else { false }
        switch state.status {
        case .stopped:
            if wasStarting { await apply(memory.life.startAnswered(at: realtimeNanoseconds())) }
            // The shim's own events, which know of a want of memory, come first.
            watch()
        case .running, .paused, .pausing:
            if case .created = memory.life { _ = memory.life.startAsked() }
            await apply(memory.life.startAnswered(at: realtimeNanoseconds()))
            watch()
        case .created, .unknown, .UNRECOGNIZED:
            // The start never came to the shim: it may be asked for again.
            if wasStarting { memory.life = .created }
            show()
            watch()
        }
    }

    private func clearHalfMade() async {
        site.logger.warning("container \(id) was half made when swiftletd ended: removed")
        await endLiveShim()
        do throws(PluginError) {
            if Directory.exists(record.bundle) { _ = try await ShimLink.clearAway(id, bundle: record.bundle, site.shim) }
        } catch {
            site.logger.warning("half-made container \(id): \(error)")
        }
        do { try await forget(telling: false) } catch { site.logger.error("half-made container \(id): \(error)") }
    }

    /// The shim of a container of which the record does not know it yet: its address stands in the bundle (`Shim/StartVerb.swift`).
    private func endLiveShim() async {
        let bundle = record.bundle
        var address = memory.socket
        if address.isEmpty {
            let text = try? await offPool {
                String(decoding: try FD.open(bundle + "/address", O_RDONLY).readAll(limit: 4096), as: UTF8.self)
            }
            address = text.map { String($0.dropFirst("unix://".utf8.count)) } ?? ""
        }
        guard !address.isEmpty, let link = await reach(address) else { return }
        try? await link.kill(SIGKILL, all: true)
        try? await link.delete()
        try? await link.shutdown()
        await link.disconnect()
    }

    /// A shim whose start was under way when swiftletd was killed has written its address, and serves a moment later.
    private func reach(_ socket: String) async -> ShimLink? {
        for _ in 0..<50 {
            if let link = try? await ShimLink.connect(id, socket: socket) { return link }
            guard memory.socket.isEmpty, (try? await Task.sleep(for: .milliseconds(20))) != nil else { return nil }
        }
        return nil
    }

    /// Lets the shim go on by itself: swiftletd is about to end.
    func leave() async {
        guard let held = shim else { return }
        await held.disconnect()
    }
}
