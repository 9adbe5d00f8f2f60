internal import Images
internal import LinuxSys
internal import TTRPC

/// One container of this program: its record, and the way to its supervisor.
struct Container: Sendable {
    private(set) var record: ContainerRecord
    var detail: ContainerDetail
    let context: Context

    init(_ record: ContainerRecord, _ context: Context) throws {
        self.record = record
        self.context = context
        do {
            detail = try ContainerDetail(record.extra)
        } catch {
            throw CommandFailure("read container record", record.name, "\(error)")
        }
    }

    var id: String { record.id }
    var name: String { record.name }
    var directory: String { context.directory(of: id) }
    var logPath: String { "\(directory)/log" }
    var created: Timestamp { Timestamp(nanoseconds: Int64(record.created)) }

    mutating func save() throws {
        record.extra = detail.json
        try context.store.save(record, surviving: detail.exit == nil ? .processDeath : .powerLoss)
    }

    /// Nil when there is no supervisor (any more).
    func supervisor() async throws -> Supervisor? {
        guard !detail.socket.isEmpty else { return nil }
        do {
            return try await Supervisor.connect(id, socket: detail.socket)
        } catch {
            context.journal.debug("supervisor of \(name): \(error)")
            return nil
        }
    }

    /// The supervisor, or why the operation cannot be.
    func running(for operation: String) async throws -> Supervisor {
        let state = try await state()
        guard state.isAlive, let supervisor = try await supervisor() else {
            throw CommandFailure(operation, name, "the container is not running (\(state.name))")
        }
        return supervisor
    }

    /// What the supervisor says. When it is gone without a word, what it left is killed and removed, and 137 remembered:
    /// for that the container's lock is needed, which the caller may hold already.
    func state(holding lock: ContainerLock? = nil) async throws -> ContainerState {
        if let exit = detail.exit { return .exited(exit) }
        if let supervisor = try await supervisor() {
            do {
                return try await within(.seconds(2)) { try await supervisor.state() }
            } catch let status as Status where status.code == .notFound {
                // It has no container yet, or no more.
                return try await settle(lock)
            } catch {
                context.journal.debug("state of \(name): \(error)")
                if try await self.supervisor() != nil { return .unreachable }
            }
        }
        return try await settle(lock)
    }

    private func settle(_ held: ContainerLock?) async throws -> ContainerState {
        // Without its directory another command has just removed it, or a removal was cut short after that step.
        guard Files.exists(directory) else { return .exited(ExitRecord(code: 137, finished: created)) }
        guard let lock = try held ?? freeLock() else { return detail.started == nil ? .creating : .removing }
        defer { withExtendedLifetime(lock) {} }
        var fresh = try Container(try context.store.container(id), context)
        if let exit = fresh.detail.exit { return .exited(exit) }
        // Between the record that this command read and the lock, the command that made it may have finished.
        if fresh.detail.socket != detail.socket { return try await fresh.state(holding: lock) }
        let exit = try await Supervisor.cleanUp(id, bundle: directory)
        fresh.detail.exit = exit
        fresh.detail.socket = ""
        fresh.detail.pid = 0
        try fresh.save()
        return .exited(exit)
    }

    /// Nil when another command holds it, or is removing the directory with it.
    private func freeLock() throws(SysError) -> ContainerLock? {
        do throws(SysError) {
            return try ContainerLock.tryAcquire(in: directory)
        } catch {
            if error.errno == 2 /* ENOENT */ { return nil }
            throw error
        }
    }

    /// Does something to the container that no other command may do at the same time, with its record as it is by then.
    /// Nil when another command has removed the container meanwhile. `evenCutShort`: also when a removal came as far as the directory;
    /// the lock is then nil.
    func exclusively<R>(
        _ operation: String, evenCutShort: Bool = false, _ body: (inout Container, ContainerLock?) async throws -> R
    ) async throws -> R? {
        let lock = Files.exists(directory) ? try await ContainerLock.acquire(in: directory, for: operation, name) : nil
        guard lock != nil || evenCutShort else { return nil }
        defer { withExtendedLifetime(lock) {} }
        var fresh: Container
        do {
            fresh = try Container(try context.store.container(id), context)
        } catch ImageError.notFound {
            return nil
        }
        return try await body(&fresh, lock)
    }

    /// Remembers the exit and ends the supervisor of a container that has ended.
    mutating func retire(_ exit: ExitRecord) async throws {
        detail.exit = exit
        detail.pid = 0
        try save()
        if let supervisor = try await supervisor() {
            _ = try await supervisor.delete()
            try await supervisor.shutdown()
        }
        try context.store.deactivate(container: id)
        detail.socket = ""
        try save()
    }

    /// Removes all there is of a container that does not run: supervisor, cgroup, layers, files, record, in this order,
    /// so that a removal that was cut short can be done again.
    func remove() async throws {
        if let supervisor = try await supervisor() {
            _ = try await supervisor.delete()
            try await supervisor.shutdown()
        } else if !detail.socket.isEmpty || detail.exit == nil, Files.exists(directory) {
            _ = try await Supervisor.cleanUp(id, bundle: directory)
        }
        try context.store.discard(container: id)
        try Files.removeBundle(directory)
        try context.store.remove(container: id)
    }
}

/// Runs `body` at most so long; throws CancellationError past that.
func within<R: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> R) async throws -> R {
    try await withThrowingTaskGroup(of: R.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw CancellationError()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
