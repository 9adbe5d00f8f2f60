internal import Glibc
internal import Images
internal import LinuxSys
internal import Logging
internal import Messages
internal import TTRPC

extension ContainerActor {
    /// From the shim's event stream.
    func outOfMemory() { sawOutOfMemory = true }

    /// From the event stream or from Wait, whichever is first.
    func ended(code: UInt32, time: UInt64) async {
        // Nobody has heard of it before Create is done; then Wait answers once more.
        guard memory.isComplete else { return }
        await apply(memory.life.ended(ContainerExit(code: code, time: time, outOfMemory: sawOutOfMemory)))
    }

    /// Wait answers also when the event stream broke. The events, which know of OOM, get a head start.
    func watch() {
        guard let shim else { return }
        Task { [weak self, site, id] in
            do {
                let exit = try await shim.wait()
                try await Task.sleep(for: .seconds(1))
                await self?.ended(code: exit.code, time: exit.time)
            } catch {
                site.logger.debug("wait for container \(id): \(error)")
                await self?.lostShim()
            }
        }
    }

    private func lostShim() async {
        guard memory.life.exit == nil, !isGone, !site.isClosing else { return }
        await clearAway()
    }

    /// The shim is not to be had: whatever it left is ended, and what is known of the end is told.
    func clearAway() async {
        let exit: ContainerExit
        do throws(PluginError) {
            if Directory.exists(record.bundle) {
                exit = try await ShimLink.clearAway(id, bundle: record.bundle, site.shim)
            } else {
                let message = "its bundle is gone, as after a restart of the node"
                exit = ContainerExit(code: 137, time: realtimeNanoseconds(), reason: .unknown, message: message)
            }
        } catch {
            site.logger.error("container \(id): \(error)")
            exit = ContainerExit(code: 137, time: realtimeNanoseconds(), reason: .unknown, message: "\(error)")
        }
        if let shim { await shim.disconnect() }
        shim = nil
        await apply(memory.life.ended(exit))
    }

    /// Stores the change, then tells it. Changes leave in their order whatever else is going on.
    func apply(_ events: [ContainerLife.Event]) async {
        untold += events
        guard !isTelling else { return }
        isTelling = true
        while !untold.isEmpty {
            switch untold.removeFirst() {
            case .started: await tell(.containerStartedEvent)
            case .stopped:
                await tell(.containerStoppedEvent)
                wakeWaiters()
                Task { try? await self.order.run { await self.releaseShim() } }
            }
        }
        isTelling = false
    }

    /// An ended container needs no shim: its exit is on disk. Returns when the shim has let everything go.
    func releaseShim() async {
        guard let held = shim else { return }
        shim = nil
        do throws(PluginError) {
            do throws(PluginError) {
                try await held.delete()
            } catch .shim(_, _, let status) where status.code == .unknown {
                // A start that failed is answered before the process that failed is reaped.
                try await tolerateEnded { () throws(PluginError) in try await held.kill(SIGKILL, all: true) }
                _ = try await held.wait(limit: .seconds(30))
                try await held.delete()
            } catch .shim(_, _, let status) where status.code == .notFound {
                site.logger.debug("container \(id): \(status)")
            }
            try await held.shutdown()
        } catch {
            site.logger.warning("container \(id): \(error)")
            await held.disconnect()
            // Whatever it still holds would stay for ever.
            do throws(PluginError) { _ = try await ShimLink.clearAway(id, bundle: record.bundle, site.shim) } catch {
                site.logger.error("container \(id): \(error)")
            }
        }
    }

    var entry: Board.Entry { Board.Entry(pod: pod, status: Runtime_V1_ContainerStatus(record, memory)) }

    func show() { site.board.put(entry) }

    /// Stores what is known and tells of it: one transaction, so that neither is ever without the other.
    func tell(_ event: Runtime_V1_ContainerEventType) async {
        do { try await saves.run { try await self.saveNow(telling: event) } } catch { site.logger.error("container \(id): \(error)") }
    }

    func save() async throws(PluginError) {
        do { try await saves.run { try await self.saveNow(telling: nil) } } catch let error as PluginError { throw error } catch {
            throw .document(subject: "container \(id)", reason: "\(error)")
        }
    }

    /// One after the other: what is older never overwrites what is newer.
    func saveNow(telling event: Runtime_V1_ContainerEventType?) async throws(PluginError) {
        guard !isGone else { return }
        let (site, entry) = (site, entry)
        var record = record
        do { record.extra = try memory.json() } catch { throw .document(subject: "container \(id)", reason: "\(error)") }
        let saved = record
        // What runs ends with the node's power; how something ended was true before.
        let durability: Durability = memory.life.exit == nil ? .processDeath : .powerLoss
        try await offPool {
            guard let event else { return try site.store.save(saved, surviving: durability) }
            try site.board.put(entry, telling: event) { (stored) throws(ImageError) in
                try site.store.save(saved, event: stored, surviving: durability)
            }
        }
    }

    /// True when the container has ended and everybody may know: it is stored and told. False when the time is over before.
    func waitForExit(within limit: Duration) async -> Bool {
        if memory.life.exit != nil, !isTelling { return true }
        let number = nextWaiter
        nextWaiter += 1
        let timer = Task {
            try await Task.sleep(for: limit)
            self.wake(number, false)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiters[number] = $0 }
        } onCancel: {
            Task { await self.wake(number, false) }
        }
    }

    private func wake(_ number: Int, _ ended: Bool) { waiters.removeValue(forKey: number)?.resume(returning: ended) }

    private func wakeWaiters() {
        for number in waiters.keys.sorted() { wake(number, true) }
    }
}
