internal import Glibc
internal import Images
internal import LinuxSys
internal import Messages

/// Makes a container out of an image, up to the running program. Until `commit` everything made is in `undo`, last first.
final class Creation {
    private let context: Context
    private var undo = UndoList()
    private var lock: ContainerLock?

    /// `lock`: of the container that is to be supervised again.
    init(_ context: Context, lock: ContainerLock? = nil) {
        self.context = context
        self.lock = lock
    }

    /// The container's record, layers and bundle.
    func make(_ options: RunOptions, image: ImageRecord, command: [String]) throws -> Container {
        var random = SystemRandomNumberGenerator()
        let id = ContainerID.generate(using: &random)
        let (store, directory) = (context.store, context.directory(of: id))
        try Files.makeDirectory(directory)
        undo.add("remove \(directory)") { try Files.removeBundle(directory) }
        lock = try ContainerLock.create(in: directory)
        var container = try record(id, options, image, command)
        let root = try store.prepare(container: id, image: image, identity: try options.identity(id), snapshotter: options.snapshotter)
        undo.add("discard layers of \(id)") { try store.discard(container: id) }
        try options.bundleRequest(id, image: image, command: command).write(to: directory, root: root)
        container.detail.config = try options.summary(image, command: container.record.command)
        context.journal.debug("bundle \(directory) is written")
        return container
    }

    private func record(_ id: String, _ options: RunOptions, _ image: ImageRecord, _ command: [String]) throws -> Container {
        let store = context.store
        let name = try name(options)
        var record = ContainerRecord(
            id: id, name: name, image: image.displayName, imageID: image.id, created: realtimeNanoseconds(),
            bundle: context.directory(of: id))
        record.command = options.effectiveCommand(image, command: command)
        record.labels = try parseLabels(options.label)
        var detail = ContainerDetail()
        detail.terminal = options.terminal
        detail.stdin = options.interactive
        detail.autoRemove = options.rm
        detail.hostname = options.containerHostname(id)
        detail.network = options.network.rawValue
        detail.stopSignal = try options.stopSignal(image)
        record.extra = detail.json
        try save(record)
        undo.add("forget \(id)") { try store.remove(container: id) }
        return try Container(record, context)
    }

    private func name(_ options: RunOptions) throws(ImageError) -> String {
        if let name = options.name { return name }
        let taken = try context.store.containers().map(\.name)
        var random = SystemRandomNumberGenerator()
        return ContainerName.generate(taken: Set(taken), using: &random)
    }

    private func save(_ record: ContainerRecord) throws {
        do {
            try context.store.save(record)
        } catch {
            // `catch .exists` would read better; the optimiser of Swift 6.3 ends with an internal error on it.
            if case .exists = error { throw CommandFailure("create container", record.name, "the name is in use") }
            throw error
        }
    }

    /// The supervisor, and the container waiting to be started.
    func supervise(_ container: inout Container) async throws -> Supervisor {
        let (id, directory) = (container.id, container.directory)
        var streams = StreamPaths(stdout: "cri://\(container.logPath)", terminal: container.detail.terminal)
        if !streams.terminal { streams.stderr = streams.stdout }
        if container.detail.stdin {
            streams.stdin = "\(directory)/stdin"
            try Files.remove(streams.stdin)
            try Files.makeFIFO(streams.stdin)
        }
        try context.store.activate(container: id)
        let store = context.store
        undo.add("end the file system of \(id)") { try store.deactivate(container: id) }
        // Also when start itself fails: it may have got as far as a process.
        undo.add("clean up after \(id)") { _ = try await Supervisor.cleanUp(id, bundle: directory) }
        let supervisor = try await Supervisor.start(id, bundle: directory, isDebug: context.journal.isDebug)
        undo.add("end the supervisor of \(id)") {
            try? await supervisor.kill(SIGKILL, all: true)
            _ = try? await supervisor.delete()
            try await supervisor.shutdown()
        }
        context.journal.debug("supervisor listens at \(supervisor.socket)")
        container.detail.socket = supervisor.socket
        let root = try context.store.containerRoot(id)
        container.detail.pid = try await supervisor.create(bundle: directory, root: root.mounts.map(\.message), streams: streams)
        context.journal.debug("container \(id) is created, pid \(container.detail.pid)")
        return supervisor
    }

    /// Starts the program and remembers it: from here on the container stays whatever happens to this command.
    func start(_ container: inout Container, _ supervisor: Supervisor) async throws {
        container.detail.pid = try await supervisor.start()
        container.detail.started = .now
        container.detail.exit = nil
        try container.save()
        context.journal.debug("container \(container.id) is started")
        undo = UndoList()
        lock = nil
    }

    /// Takes everything back.
    func takeBack() async {
        let (undo, journal) = (undo, context.journal)
        // In a task of its own: a cancelled one, as after an interrupt, could not make a single call.
        await Task {
            var undo = undo
            await undo.run(journal)
        }.value
        self.undo = UndoList()
        lock = nil
    }
}

extension RootMount {
    var message: Containerd_Types_Mount {
        var mount = Containerd_Types_Mount()
        mount.type = type
        mount.source = source
        mount.options = options
        return mount
    }
}
