internal import ArgumentParser
internal import Images
internal import LinuxSys
internal import Registry

struct RunCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a command in a new container.",
        usage: "swiftlet run [options] <image> [<command> [<arguments> ...]]",
        discussion: """
            The exit status is the command's; 125 when swiftlet itself failed, 126 when the command cannot be executed,
            127 when it is not found.
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to the command; the third SIGINT or SIGTERM kills it.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: RunOptions

    @Option(help: "When to pull the image: always, missing or never.")
    var pull: PullPolicy = .missing

    @OptionGroup var source: PullOptions

    @Argument(help: ArgumentHelp("Name, name:tag or id.", valueName: "image"), completion: Completion.images)
    var image: String

    @Argument(parsing: .captureForPassthrough, help: "What to run instead of the image's command.")
    var command: [String] = []

    var failureStatus: Int32 { CommandStatus.ownFailure }

    func validate() throws {
        guard image.hasPrefix("-") else { return }
        throw ValidationError("unknown option \(image)")
    }

    func perform(_ context: Context) async throws -> Int32 {
        if options.terminal, options.interactive, !options.detach, !RawTerminal.isTerminal(0) {
            throw CommandFailure("run", self.image, "stdin is not a terminal", status: CommandStatus.ownFailure)
        }
        let watch = SignalWatch(context.journal)
        let (container, attendance) = try await watch.untilAttending("run") {
            try await begin(context, try await found(context), watch)
        }
        if let attendance { return try await Self.finish(container, attendance) }
        if options.rm { try Reaper.start(container) }
        say(container.id)
        return 0
    }

    /// The image, brought from its registry when it is not there or may have changed there.
    private func found(_ context: Context) async throws -> ImageRecord {
        if pull != .always {
            do { return try context.store.image(image) } catch {
                guard case .notFound = error else { throw error }
            }
            guard pull == .missing else {
                throw CommandFailure("run", image, "no such image, and --pull never", status: CommandStatus.ownFailure)
            }
        }
        // What stands on stdout is the container's.
        let display = ProgressDisplay(isQuiet: !StandardStream.error.isTerminal)
        do { return try await source.pull(Reference(image), context, display).image } catch {
            throw CommandFailure("run", image, "\(error)", status: CommandStatus.ownFailure)
        }
    }

    /// The running container; with its attendance unless it runs in the background.
    private func begin(_ context: Context, _ image: ImageRecord, _ watch: SignalWatch) async throws -> (Container, Attendance?) {
        let creation = Creation(context)
        do {
            var container = try creation.make(options, image: image, command: command)
            try Task.checkCancellation()
            let supervisor = try await creation.supervise(&container)
            let attendance = options.detach ? nil : try Attendance(container, supervisor, logFrom: 0)
            if options.detach {
                if options.terminal { try await supervisor.resize(TerminalSize.of(0) ?? TerminalSize(rows: 24, columns: 80)) }
            } else {
                await watch.attend(supervisor, "", terminal: options.terminal)
            }
            try await creation.start(&container, supervisor)
            return (container, attendance)
        } catch {
            await creation.takeBack()
            throw startFailure(error)
        }
    }

    /// Attends to a container that was started until it ends, and leaves it as its person wants it: removed, or remembered.
    static func finish(_ container: Container, _ attendance: Attendance) async throws -> Int32 {
        let exit = try await attendance.wait()
        container.context.journal.debug("container ended with \(exit.code)")
        await attendance.end()
        try await container.exclusively("end container") { container, _ in
            if container.detail.autoRemove { try await container.remove() } else { try await container.retire(exit) }
        }
        return Int32(exit.code & 0xff)
    }
}

/// The error with the exit status that docker and podman give it: 127 and 126 are about the program, the rest is 125.
func startFailure(_ error: any Error) -> CommandFailure {
    if let failure = error as? CommandFailure {
        return failure.status == CommandStatus.failed ? failure.with(status: CommandStatus.ownFailure) : failure
    }
    if let failure = error as? ArgumentFailure {
        return CommandFailure("check argument", failure.value.debugDescription, failure.reason, status: CommandStatus.ownFailure)
    }
    let text = "\(error)"
    let status = CommandStatus.ofStartFailure(text)
    // The text is operation, subject and reason already.
    let parts = text.split(separator: ": ", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return CommandFailure("run", "", text, status: status) }
    return CommandFailure(parts[0], "", parts[1], status: status)
}
