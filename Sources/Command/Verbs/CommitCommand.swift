internal import ArgumentParser
internal import Images
internal import OCI

struct CommitCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Make an image of what a container changed.",
        discussion: """
            The changes become a layer over the container's image; equal changes make equal layers. The container is paused meanwhile.
            With SOURCE_DATE_EPOCH the image says that it was created at that time.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: NewImageOptions

    @Flag(inversion: .prefixedNo, help: "Pause the container while its files are read.")
    var pause = true

    @Argument(help: ArgumentHelp("Name, id or prefix of an id.", valueName: "container"), completion: Completion.containers)
    var container: String

    @Argument(help: ArgumentHelp("What to call the image.", valueName: "name[:tag]"))
    var name: String?

    func perform(_ context: Context) async throws -> Int32 {
        var request = try options.request()
        request.name = name
        let container = try context.container(container)
        let supervisor = try await paused(container)
        let result = Result {
            try interruptible("commit", container.name) { cancellation in
                try context.store.commit(container: container.id, request, cancellation: cancellation)
            }
        }
        // Whatever came of it: a container must not stay paused.
        if let supervisor { try await supervisor.resume() }
        let (image, sockets) = try result.get()
        for socket in sockets { context.journal.warning("commit \(container.name): the socket \(socket) is left out") }
        say(image.id)
        try GarbageThreshold.apply(context)
        return 0
    }

    /// The supervisor of a container that was paused for this; nil when there was nothing to pause.
    private func paused(_ container: Container) async throws -> Supervisor? {
        guard pause, case .running = try await container.state(), let supervisor = try await container.supervisor() else { return nil }
        try await supervisor.pause()
        return supervisor
    }
}

/// What `commit` and `import` let a person say of an image.
struct NewImageOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Who made it.", valueName: "name"))
    var author: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("What was done, for the image's history.", valueName: "text"))
    var message: String?

    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR or STOPSIGNAL as in a Dockerfile.", valueName: "instruction"))
    var change: [String] = []

    @Option(help: "How the layer is packed: gzip, zstd or none.")
    var compression: Compression = .gzip

    func request() throws -> NewImage {
        var created = Timestamp.now
        if let text = Context.environment["SOURCE_DATE_EPOCH"] {
            guard let seconds = Int64(text), (0...(1 << 33)).contains(seconds) else {
                throw ArgumentFailure(text, "SOURCE_DATE_EPOCH is seconds since 1970")
            }
            created = Timestamp(nanoseconds: seconds * 1_000_000_000)
        }
        var request = NewImage(created: created.rfc3339)
        request.author = author
        request.message = message
        request.compression = compression
        for text in change { request.changes.append(try ImageInstruction(parsing: text)) }
        return request
    }
}

extension Compression: ExpressibleByArgument {}
